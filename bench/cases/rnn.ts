/** A training step of recurrent networks: 28 steps of 28 values, 128 units, the last output to ten classes, batch 32. */
import { rnn } from '../../shared/families/rnn/index.ts';
import { networkCase } from '../network.ts';

/** PyTorch's module, its gates in our order, and the biases: it has two where Keras has one, whose second stays out of the comparison. */
const CELLS = [
  { cell: 'simple_rnn', title: 'tanh RNN', module: 'RNN', order: [0], biases: ['b'] },
  { cell: 'gru', title: 'GRU', module: 'GRU', order: [1, 0, 2], biases: ['b', 'c'] },
  { cell: 'lstm', title: 'LSTM', module: 'LSTM', order: [0, 1, 3, 2], biases: ['b'] },
];

export const cases = CELLS.map(({ cell, title, module, order, biases }) =>
  networkCase({
    name: `${title} step, T 28, in 28, hidden 128, batch 32`,
    family: rnn,
    params: { cell, units: 128 },
    row: [28, 28],
    batch: 32,
    python: `
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.recurrent = nn.${module}(28, 128, batch_first=True)
        self.dense = nn.Linear(128, 10)
    def forward(self, x):
        return self.dense(self.recurrent(x)[0][:, -1])
network = Network()
def gates(value):
    parts = value.chunk(${order.length})
    return torch.cat([parts[gate] for gate in [${order.join(', ')}]])
def ours(tensors):
    w, u, b, c, dense, last = tensors
    return [gates(w).T, gates(u).T, ${biases.map((bias) => `gates(${bias})`).join(', ')}, dense.T, last]
`,
  }),
);
