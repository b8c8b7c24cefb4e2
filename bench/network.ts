/** Cases that time training steps of a network: what a fit runs, epoch by epoch, each as long as a run. */
import type { AnyFamily } from '../shared/families/contract.ts';
import { sizeOf } from '../shared/tensor/shape.ts';
import { Random } from '../shared/tensor/random.ts';
import { rowsOf, tensor } from '../shared/tensor/tensor.ts';
import type { HostTensor } from '../shared/tensor/tensor.ts';
import type { BenchCase } from './contract.ts';
import { classesOf, fitToEnd, problemOf } from './fitting.ts';

/** Steps between two readings of the clock. */
const STEPS = 20;
const CLASSES = 10;

/**
 * Adam on `batch` rows a step. The peer's script defines `network`, a module, and `ours(tensors)`: from tensors like its parameters() to those
 * whose elements, one after the other, are our vector.
 */
export interface NetworkCase {
  readonly name: string;
  readonly family: AnyFamily;
  readonly params: Readonly<Record<string, unknown>>;
  /** Of an encoded row. */
  readonly row: readonly number[];
  readonly batch: number;
  readonly python: string;
}

export function networkCase({ name, family, params, row, batch, python }: NetworkCase): BenchCase {
  const rows = STEPS * batch;
  const problem = (x: HostTensor, y: HostTensor, epochs: number) =>
    problemOf(family, {
      task: 'classification',
      params: { ...params, optimizer: { adam: { learning_rate: 0.001 } }, epochs, batch_size: batch },
      x,
      target: { ...classesOf(y), labels: Array.from({ length: CLASSES }, (_, k) => k) } as ReturnType<typeof classesOf>,
    });
  return {
    name,
    peer: 'pytorch',
    steps: STEPS,
    data() {
      const random = Random.fromSeed(1);
      // No two values alike: where a pool's window has two of the largest, we halve the gradient and PyTorch gives it to the first.
      const x = tensor('float32', [rows, ...row], random.uniform(rows * sizeOf(row)));
      const y = tensor(
        'int32',
        [rows],
        Int32Array.from({ length: rows }, () => random.nextBelow(CLASSES)),
      );
      const { parameters } = family.start(problem(x, y, 1)).tensors;
      return { x, y, parameters: parameters as HostTensor<'float32'> };
    },
    open({ x, y }, engine) {
      const long = problem(x!, y!, 100_000);
      const progress = family.fit(long, family.start(long), engine);
      return {
        async run() {
          for (;;) {
            const { value } = await progress.next();
            if (value === undefined || value.metrics !== undefined) return;
          }
        },
        // After one step Adam's first moment is the gradient.
        async solution() {
          const one = problem(rowsOf(x!, 0, batch), rowsOf(y!, 0, batch), 1);
          return (await fitToEnd(family, one, engine)).tensors['slot/m']!.data as Float32Array;
        },
      };
    },
    python: `
import torch
from torch import nn
import torch.nn.functional as F
x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"]).long()
${python}
parameters = list(network.parameters())
sizes = [p.numel() for p in parameters]
# Where each number of our vector stands in theirs.
numbers = [part.reshape(p.shape) for part, p in zip(torch.arange(sum(sizes)).split(sizes), parameters)]
places = torch.cat([part.reshape(-1) for part in ours(numbers)])
with torch.no_grad():
    flat = torch.zeros(sum(sizes))
    flat[places] = torch.from_numpy(data["parameters"])
    for p, part in zip(parameters, flat.split(sizes)):
        p.copy_(part.reshape(p.shape))
optimizer = torch.optim.Adam(network.parameters(), lr=0.001, eps=1e-7)
def gradients(at):
    optimizer.zero_grad(set_to_none=True)
    F.cross_entropy(network(x[at:at + ${batch}]), y[at:at + ${batch}]).backward()
def solution():
    gradients(0)
    return torch.cat([p.grad.reshape(-1) for p in parameters])[places].numpy()
def run():
    for at in range(0, len(x), ${batch}):
        gradients(at)
        optimizer.step()
`,
  };
}
