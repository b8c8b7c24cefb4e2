import { describe, expect, it } from '@jest/globals';
import type { SweepPlan } from '../../../shared/workflows/sweep.ts';
import { FitFailed } from '../../../shared/workflows/fit-failed.ts';
import { train } from '../../../shared/workflows/train.ts';
import type {
  FitEvent,
  JobOutcome,
  Orchestration,
  PublishOutcome,
  SegmentOutcome,
  TrainEvent,
} from '../../../shared/workflows/train.ts';

const segment = (status: SegmentOutcome['status'], rest: Partial<SegmentOutcome> = {}): SegmentOutcome => ({
  status,
  seconds: 10,
  ...rest,
});
const published: PublishOutcome = { seconds: 1, model: { name: 'm', version: 3 } };

type Answer = SegmentOutcome | PublishOutcome | Error;

/** Plays what `answer` says of each call of fit, and keeps what was asked, settled and waited for. */
async function play(answer: (event: FitEvent) => Answer | undefined, event: Partial<TrainEvent> = {}) {
  const asked: FitEvent[] = [];
  const settled: JobOutcome[] = [];
  const failedTrials: string[] = [];
  const waits: number[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const to: Orchestration = {
    fit: async <T>(_: string, fitEvent: FitEvent): Promise<T> => {
      asked.push(fitEvent);
      const given = answer(fitEvent);
      if (given === undefined) throw new Error('asked once too often');
      if (given instanceof Error) throw given;
      return given as T;
    },
    step: async (_, effect) => effect(),
    wait: async (_, seconds) => void waits.push(seconds),
    until: async (_, { ask }) => ask(),
    map: async (_, { items, maxParallel, run }) => {
      const results = [];
      for (let start = 0; start < items.length; start += maxParallel) {
        const batch = items.slice(start, start + maxParallel).map(async (item) => {
          mostAtOnce = Math.max(mostAtOnce, ++running);
          const result = await run(item, to);
          running--;
          return result;
        });
        results.push(...(await Promise.all(batch)));
      }
      return results;
    },
  };
  const outcome = await train({ tenant_id: 'acme', job: 'job_1', ...event }, to, {
    settle: async (end) => void settled.push(end),
    failTrial: async (trial) => void failedTrials.push(trial),
    notify: async (attempt) => [5, 300, 0][attempt] ?? 0,
  });
  return { asked, settled, outcome, failedTrials, waits, mostAtOnce: () => mostAtOnce };
}

/** One answer after the other. */
const inOrder = (answers: Answer[]) => () => answers.shift();

describe('train', () => {
  it('asks for segments until the training is done, then publishes the last checkpoint', async () => {
    const { asked, outcome } = await play(
      inOrder([
        segment('running', { checkpoint: 0 }),
        segment('running', { checkpoint: 1 }),
        segment('finished', { checkpoint: 2 }),
        published,
      ]),
    );

    expect(asked).toEqual([
      { action: 'segment', job: 'job_1', segment: 0 },
      { action: 'segment', job: 'job_1', segment: 1 },
      { action: 'segment', job: 'job_1', segment: 2 },
      { action: 'publish', job: 'job_1', segment: 2 },
    ]);
    expect(outcome).toEqual({ status: 'succeeded', model: { name: 'm', version: 3 } });
  });

  it('settles every job once, with the outcome it returns', async () => {
    const { settled, outcome } = await play(inOrder([segment('finished', { checkpoint: 0 }), published]));

    expect(settled).toEqual([outcome]);
  });

  it.each([
    ['cancelled', 'cancelled', 'cancelled'],
    ['over_budget', 'failed', 'budget_exceeded'],
  ] as const)('keeps what a job that is %s has learned as a version', async (status, jobStatus, code) => {
    const { outcome } = await play(
      inOrder([segment('running', { checkpoint: 0 }), segment(status, { checkpoint: 1 }), published]),
    );

    expect(outcome).toMatchObject({ status: jobStatus, model: { name: 'm', version: 3 }, error: { code } });
  });

  it('publishes what was learned before a failure, which stays the failure', async () => {
    const error = { code: 'training_diverged', phase: 'train', message: 'loss is NaN' } as const;
    const { asked, outcome } = await play(inOrder([segment('failed', { checkpoint: 0, error }), published]));

    expect(asked.at(-1)).toEqual({ action: 'publish', job: 'job_1', segment: 0 });
    expect(outcome).toEqual({ status: 'failed', error, model: { name: 'm', version: 3 } });
  });

  it('publishes nothing when there is no checkpoint, and leaves nothing behind', async () => {
    const error = { code: 'training_diverged', phase: 'train', message: 'loss is NaN' } as const;
    const { asked, outcome } = await play(inOrder([segment('failed', { error }), segment('finished')]));

    expect(asked.map(({ action }) => action)).toEqual(['segment', 'discard']);
    expect(outcome).toEqual({ status: 'failed', error });
  });

  it.each([
    ['Runtime exited with error: signal: killed', 'training_out_of_memory'],
    ['Task timed out after 900.00 seconds', 'training_timeout'],
    ['Runtime exited with error: exit status 1', 'internal'],
  ])('ends a job whose segments keep crashing: %s', async (reason, code) => {
    const { outcome, settled, asked } = await play((event) => {
      if (event.action === 'discard') return segment('finished');
      return new FitFailed(`segment-0 failed 3 times, the last time: ${reason}`);
    });

    expect(outcome).toMatchObject({ status: 'failed', error: { code, phase: 'train' } });
    expect(outcome.error?.message).toContain(reason);
    expect(settled).toHaveLength(1);
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['over_budget', 'budget_exceeded', 'used up its budget'],
    ['over_quota', 'quota_exceeded', "this month's training seconds"],
  ] as const)(
    'ends a job whose crash left no room for another try, with what it had learned: %s',
    async (exhausted, code, words) => {
      const { outcome, asked } = await play((event) => {
        if (event.action !== 'segment') return published;
        if (event.segment === 0) return segment('running', { checkpoint: 0 });
        return new FitFailed('segment-1 failed once: Task timed out after 900.00 seconds', exhausted);
      });

      expect(asked.at(-1)).toEqual({ action: 'publish', job: 'job_1', segment: 0 });
      expect(outcome).toMatchObject({ status: 'failed', model: { version: 3 }, error: { code, phase: 'train' } });
      expect(outcome.error?.message).toContain(words);
      expect(outcome.error?.message).toContain('segment-1 failed once: Task timed out');
    },
  );

  it('publishes the last checkpoint of a training that crashes later on', async () => {
    const { asked, outcome } = await play((event) => {
      if (event.action !== 'segment') return published;
      return event.segment === 0 ? segment('running', { checkpoint: 0 }) : new FitFailed('signal: killed');
    });

    expect(asked.at(-1)).toEqual({ action: 'publish', job: 'job_1', segment: 0 });
    expect(outcome).toMatchObject({ status: 'failed', model: { version: 3 } });
  });

  it.each([
    ['finished', 'training_out_of_memory', /^publish failed 3 times/],
    [
      'over_budget',
      'budget_exceeded',
      /budget before it finished; what it had learned could not be published: publish failed 3/,
    ],
  ] as const)(
    'leaves nothing behind where the publication of a training that %s crashes',
    async (status, code, said) => {
      const { asked, outcome } = await play((event) => {
        if (event.action === 'segment') return segment(status, { checkpoint: 0 });
        return event.action === 'publish'
          ? new FitFailed('publish failed 3 times, the last time: signal: killed')
          : segment('finished');
      });

      expect(asked.map(({ action }) => action)).toEqual(['segment', 'publish', 'discard']);
      expect(outcome).toMatchObject({ status: 'failed', error: { code, message: expect.stringMatching(said) } });
      expect(outcome.error?.hint ?? '').not.toContain('version');
    },
  );

  it('fails when the exported model is not the trained one', async () => {
    const error = { code: 'internal', phase: 'publish', message: 'predictions differ' } as const;
    const { outcome } = await play(inOrder([segment('finished', { checkpoint: 0 }), { seconds: 1, error }]));

    expect(outcome).toMatchObject({ status: 'failed', error });
    expect(outcome.model).toBeUndefined();
  });

  it('lets errors of its own surroundings pass, for the durable service to retry', async () => {
    await expect(play(inOrder([new Error('replay')]))).rejects.toThrow('replay');
  });

  it('tells a webhook after the job is settled, as often as the webhook wants', async () => {
    const { waits } = await play(inOrder([segment('finished', { checkpoint: 0 }), published]), { webhook: true });

    expect(waits).toEqual([5, 300]);
  });
});

describe('a sweep', () => {
  const plan: SweepPlan = {
    trials: ['trial_0001', 'trial_0002', 'trial_0003', 'trial_0004'],
    max_parallel: 2,
    rungs: [{ keep: 4 }],
    mode: 'max',
  };
  const scores: Record<string, number> = { trial_0001: 0.5, trial_0002: 0.9, trial_0003: 0.7, trial_0004: 0.9 };
  const scored = (event: FitEvent, status: SegmentOutcome['status']) =>
    event.action === 'segment'
      ? segment(status, { checkpoint: event.segment, score: scores[event.trial!]! })
      : published;

  it('runs its trials side by side, at most so many, and publishes the best; of equals the first', async () => {
    const { outcome, asked, mostAtOnce } = await play((event) => scored(event, 'finished'), { sweep: plan });

    expect(outcome).toEqual({ status: 'succeeded', best_trial: 'trial_0002', model: { name: 'm', version: 3 } });
    expect(asked).toHaveLength(5);
    expect(mostAtOnce()).toBe(2);
  });

  it('takes the least where less is better', async () => {
    const { outcome } = await play((event) => scored(event, 'finished'), { sweep: { ...plan, mode: 'min' } });

    expect(outcome.best_trial).toBe('trial_0001');
  });

  it('survives trials that fail or crash, and fails when all do', async () => {
    const error = { code: 'training_diverged', phase: 'train', message: 'loss is NaN' } as const;
    const some = await play(
      (event) => {
        if (event.action !== 'segment') return published;
        if (event.trial === 'trial_0002') return new FitFailed('signal: killed');
        return event.trial === 'trial_0004' ? segment('failed', { error }) : scored(event, 'finished');
      },
      { sweep: plan },
    );
    const all = await play((event) => (event.action === 'segment' ? segment('failed', { error }) : published), {
      sweep: plan,
    });

    expect(some.outcome).toMatchObject({ status: 'succeeded', best_trial: 'trial_0003' });
    expect(some.failedTrials).toEqual(['trial_0002', 'trial_0004']);
    expect(all.outcome).toMatchObject({ status: 'failed', error: { code: 'training_diverged' } });
    expect(all.outcome.error?.message).toContain('all 4 trials failed');
  });

  it('by halving goes on with the better half from its checkpoints', async () => {
    const rungs = [{ keep: 4, epoch: 1 }, { keep: 2, epoch: 2 }, { keep: 1 }];
    const { outcome, asked } = await play(
      (event) => scored(event, event.action === 'segment' && event.until_epoch === undefined ? 'finished' : 'paused'),
      { sweep: { ...plan, rungs } },
    );

    const later = asked.slice(4).map((event) => ({ ...event, job: undefined }));
    expect(later).toEqual([
      { action: 'segment', trial: 'trial_0002', segment: 1, until_epoch: 2 },
      { action: 'segment', trial: 'trial_0004', segment: 1, until_epoch: 2 },
      { action: 'segment', trial: 'trial_0002', segment: 2 },
      { action: 'publish', trial: 'trial_0002', segment: 2 },
    ]);
    expect(outcome.best_trial).toBe('trial_0002');
  });

  it('that is cancelled ends with the best so far, and begins no further round', async () => {
    const rungs = [{ keep: 4, epoch: 1 }, { keep: 2 }];
    const { outcome, asked } = await play(
      (event) =>
        event.action === 'segment' && event.trial === 'trial_0003'
          ? segment('cancelled', { checkpoint: 0, score: 0.7 })
          : scored(event, 'paused'),
      { sweep: { ...plan, rungs } },
    );

    expect(outcome).toMatchObject({ status: 'cancelled', best_trial: 'trial_0002', model: { version: 3 } });
    expect(asked).toHaveLength(5);
  });
});
