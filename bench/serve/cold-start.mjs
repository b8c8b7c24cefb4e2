// A cold start in a process of its own, as plain JavaScript so that nothing but what is measured is loaded:
// `node cold-start.mjs <folder of the function> <model.onnx> <shapes of its float32 inputs as JSON> <session options as JSON> <started, epoch ms>`.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const begin = performance.now();
const [folder, model, shapes, options, started] = process.argv.slice(2);
const require = createRequire(join(folder, 'index.js'));
const times = { node_ms: performance.timeOrigin + begin - Number(started) };
let last = begin;
const lap = (name) => {
  const now = performance.now();
  times[name] = now - last;
  last = now;
};

const { InferenceSession, Tensor } = require('onnxruntime-node');
lap('runtime_ms');
await import(pathToFileURL(join(folder, 'index.js')).href);
lap('module_ms');
const session = await InferenceSession.create(model, JSON.parse(options));
lap('session_ms');
const tensors = Object.entries(JSON.parse(shapes)).map(([name, dims]) => [
  name,
  new Tensor('float32', new Float32Array(dims.reduce((size, dim) => size * dim, 1)), dims),
]);
await session.run(Object.fromEntries(tensors));
lap('first_run_ms');
console.log(JSON.stringify(times));
process.exit(0);
