/**
 * Ends an attempt that a single step holds past its job's budget. ONNX Runtime computes on the thread that calls it, so that nothing on this thread
 * can: a thread beside it waits and then ends the whole process, as Lambda does at the end of an invocation.
 */
import { Worker } from 'node:worker_threads';

const WAIT_AND_END = `
const { workerData } = require('node:worker_threads');
setTimeout(() => process.kill(process.pid, 'SIGALRM'), workerData);`;

/** @param waitS from now on @param endsInS when the process is ended anyway @returns what calls it off */
export function armWatchdog(waitS: number, endsInS: number): () => Promise<unknown> {
  if (waitS >= endsInS) return () => Promise.resolve();
  const dog = new Worker(WAIT_AND_END, { eval: true, execArgv: [], workerData: waitS * 1000 });
  dog.unref();
  return () => dog.terminate();
}
