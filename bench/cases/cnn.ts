/** A training step of the reference network: 121,930 parameters, digits of 28 x 28. */
import { REFERENCE_LAYERS } from '../../scripts/reference-cnn.ts';
import { cnn } from '../../shared/families/cnn/index.ts';
import { networkCase } from '../network.ts';

export const cases = [32, 128].map((batch) =>
  networkCase({
    name: `reference CNN step, batch ${batch}`,
    family: cnn,
    params: { layers: REFERENCE_LAYERS },
    row: [1, 28, 28],
    batch,
    python: `
network = nn.Sequential(
    nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1600, 64), nn.ReLU(), nn.Linear(64, 10))
def ours(tensors):
    w1, b1, w2, b2, w3, b3, w4, b4 = tensors
    return [w1, b1, w2, b2, w3.T, b3, w4.T, b4]
`,
  }),
);
