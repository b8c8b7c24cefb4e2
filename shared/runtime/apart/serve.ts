/** The inner side of a prediction in a process of its own: loads the model, predicts, and ends. */
import { ServiceError } from '../../errors.ts';
import { loadForeignModel } from '../foreign-model.ts';
import { readInput, report } from '../limited-process.ts';
import { predictFinite } from '../predict-finite.ts';
import { loadPredictor } from '../predictor.ts';
import type { ApartAnswer, ApartRequest } from './request.ts';

export async function serveApart(): Promise<void> {
  const request = JSON.parse((await readInput()).toString()) as ApartRequest;
  report(await answerOf(request));
  process.exit(0);
}

async function answerOf({ file, isForeign, threads, instances, parameters }: ApartRequest): Promise<ApartAnswer> {
  const model = await (isForeign ? loadForeignModel(file, { threads }) : loadPredictor(file, { threads }));
  const startedMs = performance.now();
  try {
    const predictions = await predictFinite(model, instances, { parameters });
    return { predictions, ms: performance.now() - startedMs };
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const { code, message, details, param: pointer } = error;
    const own = details.length > 0 || pointer === undefined ? details : [{ pointer, message }];
    return { error: { code, message, details: own } };
  }
}
