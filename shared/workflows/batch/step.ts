/** One run of a batch's model, as lines of its output. A row that the model refuses costs no other row its prediction. */
import { ServiceError } from '../../errors.ts';
import type { GenerationParameters } from '../../runtime/generation.ts';
import { predictFinite } from '../../runtime/predict-finite.ts';
import type { ServedModel } from '../../runtime/predictor.ts';
import type { Row } from './rows.ts';

export interface Lines {
  readonly text: string;
  readonly predicted: number;
  readonly failed: number;
}

type RowAnswer = { readonly prediction: unknown } | { readonly error: { code: string; message: string } };

/** @param begin the first row, counted from 0 */
export async function linesOf(
  model: ServedModel,
  rows: readonly Row[],
  { begin, parameters }: { begin: number; parameters?: GenerationParameters | undefined },
): Promise<Lines> {
  const instances = rows.map(({ instance }) => instance);
  return asLines(rows, begin, await answersOf(model, instances, drawnFrom(model, begin, parameters)));
}

/** Rows of which it is known that they cannot be predicted. */
export function refusedLines(
  rows: readonly Row[],
  { begin, error }: { begin: number; error: { readonly code: string; readonly message: string } },
): Lines {
  const { code, message } = error;
  const answers = rows.map(() => ({ error: { code, message } }));
  return asLines(rows, begin, answers);
}

function asLines(rows: readonly Row[], begin: number, answers: readonly RowAnswer[]): Lines {
  const lines = answers.map((answer, i) => {
    const { input } = rows[i]!;
    return JSON.stringify({ row: begin + i + 1, ...(input === undefined ? {} : { input }), ...answer });
  });
  const failed = answers.filter((answer) => 'error' in answer).length;
  return { text: lines.map((line) => `${line}\n`).join(''), predicted: answers.length - failed, failed };
}

/** Each run of a language model draws from a seed of its own, so that equal prompts do not go on alike. */
function drawnFrom(
  { schema }: ServedModel,
  begin: number,
  parameters: GenerationParameters | undefined,
): GenerationParameters | undefined {
  if (schema?.language === undefined) return parameters;
  return { ...parameters, seed: ((parameters?.seed ?? 0) + begin) % 2 ** 32 };
}

/** What fails for all is tried in halves, until the rows that it fails for stand alone. */
async function answersOf(
  model: ServedModel,
  instances: readonly unknown[],
  parameters: GenerationParameters | undefined,
): Promise<RowAnswer[]> {
  try {
    return (await predictFinite(model, instances, { parameters })).map((prediction) => ({ prediction }));
  } catch (error) {
    if (instances.length === 1) return [{ error: rowError(error) }];
    const middle = Math.ceil(instances.length / 2);
    const first = await answersOf(model, instances.slice(0, middle), parameters);
    return [...first, ...(await answersOf(model, instances.slice(middle), parameters))];
  }
}

/** Where a prediction says which instance it is, the line's row does. */
const PLACE = /^(?:\/instances\/0[^:]*: |instance 0(?:, |: ))/;

function rowError(error: unknown): { code: string; message: string } {
  if (!(error instanceof ServiceError)) return { code: 'internal', message: 'the model could not be run on this row' };
  return { code: error.code, message: error.message.replace(PLACE, '') };
}
