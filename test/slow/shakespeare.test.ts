/**
 * nanoGPT's recipe for a CPU on the works of Shakespeare (karpathy/nanoGPT, config/train_shakespeare_char.py: 4 blocks, 4 heads, 128 wide, 64 characters,
 * batch 12; a validation loss of 1.88 after 2,000 steps). Epochs here are 1,308 steps. The text is in no package: TENON_SHAKESPEARE is the
 * path of its file, input.txt of karpathy/char-rnn, 1,115,394 characters. Minutes: `npm run test:slow`.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { loadPredictor } from '../../shared/runtime/predictor.ts';
import { train } from '../conformance/families/train.ts';

const MINUTES = 60_000;
const path = process.env['TENON_SHAKESPEARE'] ?? '';
const isThere = path !== '';
const title = 'a character model of 4 blocks of 128 reaches a validation loss of 1.88 within two epochs';

(isThere ? test : test.skip)(
  isThere ? title : `${title} (skipped: TENON_SHAKESPEARE does not name the text)`,
  async () => {
    const adamw = { learning_rate: 0.001, beta_2: 0.99, weight_decay: 0.1, global_clipnorm: 1 };
    const sizes = { blocks: 4, d_model: 128, num_heads: 4, window: 64 };
    const { exported, events } = await train({
      spec: {
        task: 'language_modelling',
        family: 'attention',
        params: { ...sizes, epochs: 2, batch_size: 12, optimizer: { adamw } },
        validation: { fraction: 0.1 },
        seed: 1337,
      },
      train: { rows: 1, columns: [{ name: 'text', type: 'text', values: [readFileSync(path, 'utf8')] }] },
    });
    const predictor = await loadPredictor(exported.onnx, { threads: 1 });
    const [prediction] = await predictor.predict(['ROMEO:'], { max_tokens: 200, temperature: 0.8 });
    await predictor.release();
    const losses = events.flatMap((event) => (event.type === 'metrics' ? [event.data['validation_loss']] : []));

    process.stdout.write(`validation loss by epoch: ${losses.join(', ')}\n${(prediction as { text: string }).text}\n`);
    expect(exported.metrics.validation['loss']).toBeLessThanOrEqual(1.88);
  },
  60 * MINUTES,
);
