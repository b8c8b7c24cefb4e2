import { mnist } from './fixtures/data-sets.ts';
import { train } from './conformance/families/train.ts';
const { train: digits, test: held } = mnist();
for (const cell of ['simple_rnn', 'gru', 'lstm']) {
  const s = performance.now(), c = process.cpuUsage();
  const params = { cell, units: 128, epochs: 10, batch_size: 32, optimizer: { adam: { learning_rate: 0.001 } } };
  const t = await train({ spec: { task: 'classification', family: 'rnn', target: 'label', features: ['image'], params, seed: 0 } as never, train: digits, validation: held });
  const a = t.events.flatMap((e) => (e.type === 'metrics' ? [e.data['validation_accuracy']!] : []));
  const u = process.cpuUsage(c);
  console.log(cell, 'best', Math.max(...a), 'last', a.at(-1), ((performance.now() - s) / 1000).toFixed(0), 's wall', ((u.user + u.system) / 1e6).toFixed(0), 's cpu');
}
