/** The operations that the workflows need, carried out by the durable SDK's context. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { ENV } from '../../shared/contract.ts';
import { requireEnv } from '../../shared/env.ts';
import type { Exhausted } from '../../shared/workflows/fit-failed.ts';
import { attempts } from '../../shared/workflows/attempts.ts';
import type { FitEvent, Orchestration } from '../../shared/workflows/train.ts';
import { logger } from '../logger.ts';

const fitFunction = requireEnv(ENV.fitFunction);

type Charge = (event: FitEvent) => Promise<Exhausted | undefined>;

/** @param charge what an attempt costs that died: in a step */
export function orchestration(context: DurableContext, tenantId: string, charge: Charge): Orchestration {
  return {
    fit: (name, event, tries) =>
      attempts(
        name,
        {
          invoke: (attempt) => context.invoke<FitEvent, unknown>(attempt, fitFunction, event, { tenantId }),
          wait: (wait, seconds) => context.wait(wait, { seconds }),
          charge: (step) => context.step(step, () => charge(event)),
        },
        tries,
      ),
    step: (name, effect) => context.step(name, effect),
    wait: (name, seconds) => context.wait(name, { seconds }),
    async until(name, { ask, times, pauseS }) {
      const { isSo } = await context.waitForCondition(
        name,
        async ({ asked }: { asked: number; isSo: boolean }) => ({ asked: asked + 1, isSo: await answer(ask) }),
        {
          initialState: { asked: 0, isSo: false },
          waitStrategy: ({ asked, isSo: is }) =>
            is || asked >= times
              ? { shouldContinue: false }
              : { shouldContinue: true, delay: { seconds: pauseS(asked - 1) } },
        },
      );
      return isSo;
    },
    async map(name, { items, maxParallel, run }) {
      const batch = await context.map(
        name,
        [...items],
        (child: DurableContext, item) => run(item, orchestration(child, tenantId, charge)),
        { maxConcurrency: maxParallel },
      );
      batch.throwIfError();
      return batch.getResults();
    },
  };
}

/** A question that fails is asked again: the operation has no tries of its own. */
async function answer(ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ask();
  } catch (error) {
    logger.warn('a question failed', { error: error instanceof Error ? error.message : String(error) });
    return false;
  }
}
