/** A training step of a transformer encoder: 2 blocks of 64 features, 4 heads and an inner layer of 128, over 64 steps, batch 32. */
import { attention } from '../../shared/families/attention/index.ts';
import { networkCase } from '../network.ts';

const block = { transformer_encoder: { num_heads: 4, ff_dim: 128, norm: 'pre', activation: 'relu' } };

export const cases = [
  networkCase({
    name: 'transformer step, 2 blocks, d 64, 4 heads, ff 128, T 64, batch 32',
    family: attention,
    params: { layers: [block, block, 'global_average_pooling1d', { dense: { units: 10, activation: 'softmax' } }] },
    row: [64, 64],
    batch: 32,
    python: `
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm_1 = nn.LayerNorm(64, eps=1e-3)
        self.qkv = nn.Linear(64, 192)
        self.output = nn.Linear(64, 64)
        self.norm_2 = nn.LayerNorm(64, eps=1e-3)
        self.inner = nn.Linear(64, 128)
        self.outer = nn.Linear(128, 64)
    def forward(self, x):
        q, k, v = self.qkv(self.norm_1(x)).view(-1, 64, 3, 4, 16).permute(2, 0, 3, 1, 4)
        joined = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, 64, 64)
        x = x + self.output(joined)
        return x + self.outer(F.relu(self.inner(self.norm_2(x))))
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])
        self.dense = nn.Linear(64, 10)
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.dense(x.mean(dim=1))
network = Network()
def ours(tensors):
    # Kernels are stored the other way round.
    return [value.T if value.dim() == 2 else value for value in tensors]
`,
  }),
];
