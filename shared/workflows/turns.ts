/** Segments in turn: before each one a slot of the account's schedule is asked for, after the last it is given back. */
import { pauseS } from '../tenancy/schedule.ts';
import { FitFailed, NoTurn } from './fit-failed.ts';
import type { FitEvent, Orchestration, SegmentOutcome } from './train.ts';

export interface Turns {
  /** Asks for a slot for one training of a job or one lane of a batch, or to keep it. */
  ask(slot: string): Promise<boolean>;
  release(slot: string): Promise<void>;
}

/** Half a day of questions. */
const MAX_QUESTIONS = 400;

/** The orchestration whose segments wait for their turn. */
export function inTurn(to: Orchestration, turns: Turns): Orchestration {
  return {
    ...to,
    async fit<T>(name: string, event: FitEvent, tries?: number): Promise<T> {
      const slot = slotOf(event);
      if (slot === undefined) return to.fit<T>(name, event, tries);
      await waitForTurn(name, slot, { to, turns });
      const end = () => to.step(`${name}-release`, () => turns.release(slot));
      try {
        const outcome = await to.fit<T>(name, event, tries);
        if ((outcome as SegmentOutcome).status !== 'running') await end();
        return outcome;
      } catch (error) {
        if (error instanceof FitFailed) await end();
        throw error;
      }
    },
    map: (name, tasks) => to.map(name, { ...tasks, run: (item, own) => tasks.run(item, inTurn(own, turns)) }),
  };
}

/** What waits for its turn: what may last for minutes. */
function slotOf(event: FitEvent): string | undefined {
  if (event.action === 'predict') return `${event.batch}/${event.lane.begin}`;
  if (event.action !== 'segment') return undefined;
  return event.trial === undefined ? event.job : `${event.job}/${event.trial}`;
}

async function waitForTurn(
  name: string,
  slot: string,
  { to, turns }: { to: Orchestration; turns: Turns },
): Promise<void> {
  const question = { ask: () => turns.ask(slot), times: MAX_QUESTIONS, pauseS };
  if (await to.until(`${name}-turn`, question)) return;
  throw new NoTurn(`${name} found no free slot for training in half a day: try again later`);
}
