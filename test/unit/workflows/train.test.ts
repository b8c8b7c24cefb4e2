import { describe, expect, it } from '@jest/globals';
import { FitFailed, train } from '../../../shared/workflows/train.ts';
import type {
  FitEvent,
  JobOutcome,
  Orchestration,
  PublishOutcome,
  SegmentOutcome,
} from '../../../shared/workflows/train.ts';

const usage = { seconds: 10, gb_seconds: 20, usd: 0.5 };
const segment = (status: SegmentOutcome['status'], rest: Partial<SegmentOutcome> = {}): SegmentOutcome => ({
  status,
  usage,
  has_checkpoint: true,
  ...rest,
});
const published: PublishOutcome = { usage, model: { name: 'm', version: 3 } };

/** Plays prepared answers, and keeps what was asked and what was settled. */
async function play(answers: (SegmentOutcome | PublishOutcome | Error)[]) {
  const asked: FitEvent[] = [];
  const settled: JobOutcome[] = [];
  const to: Orchestration = {
    fit: async <T>(_: string, event: FitEvent): Promise<T> => {
      asked.push(event);
      const answer = answers.shift();
      if (answer === undefined) throw new Error('asked once too often');
      if (answer instanceof Error) throw answer;
      return answer as T;
    },
    step: async (_, effect) => effect(),
  };
  const outcome = await train({ tenant_id: 'acme', job: 'job_1' }, to, async (end) => void settled.push(end));
  return { asked, settled, outcome };
}

describe('train', () => {
  it('asks for segments until the training is done, then publishes the last checkpoint', async () => {
    const { asked, outcome } = await play([segment('running'), segment('running'), segment('finished'), published]);

    expect(asked).toEqual([
      { action: 'segment', job: 'job_1', segment: 0, seconds_used: 0 },
      { action: 'segment', job: 'job_1', segment: 1, seconds_used: 10 },
      { action: 'segment', job: 'job_1', segment: 2, seconds_used: 20 },
      { action: 'publish', job: 'job_1', segment: 2 },
    ]);
    expect(outcome).toEqual({
      status: 'succeeded',
      model: { name: 'm', version: 3 },
      usage: { seconds: 40, gb_seconds: 80, usd: 2 },
    });
  });

  it('settles every job once, with the outcome it returns', async () => {
    const { settled, outcome } = await play([segment('finished'), published]);

    expect(settled).toEqual([outcome]);
  });

  it.each([
    ['cancelled', 'cancelled', 'cancelled'],
    ['over_budget', 'failed', 'budget_exceeded'],
  ] as const)('keeps what a job that is %s has learned as a version', async (status, jobStatus, code) => {
    const { outcome } = await play([segment('running'), segment(status), published]);

    expect(outcome).toMatchObject({ status: jobStatus, model: { name: 'm', version: 3 }, error: { code } });
  });

  it('publishes nothing when there is no checkpoint', async () => {
    const error = { code: 'training_diverged', phase: 'train', message: 'loss is NaN' } as const;
    const { asked, outcome } = await play([segment('failed', { has_checkpoint: false, error })]);

    expect(asked).toHaveLength(1);
    expect(outcome).toEqual({ status: 'failed', usage, error });
  });

  it('ends a job whose segments keep crashing', async () => {
    const { outcome, settled } = await play([new FitFailed('segment-0 failed 3 times, last: out of memory')]);

    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'internal', phase: 'train' } });
    expect(outcome.error?.message).toContain('out of memory');
    expect(settled).toHaveLength(1);
  });

  it('fails when the exported model is not the trained one', async () => {
    const error = { code: 'internal', phase: 'publish', message: 'predictions differ' } as const;
    const { outcome } = await play([segment('finished'), { usage, error }]);

    expect(outcome).toMatchObject({ status: 'failed', error });
    expect(outcome.model).toBeUndefined();
  });

  it('lets errors of its own surroundings pass, for the durable service to retry', async () => {
    await expect(play([new Error('replay')])).rejects.toThrow('replay');
  });
});
