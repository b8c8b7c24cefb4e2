/** A request to a model in memory, through the code that the inference function runs. */
import { planInference, writeInference } from '../../../shared/http/inference/infer-body.ts';
import type { Predictor } from '../../../shared/runtime/predictor.ts';

export interface Answer {
  /** The JSON as text: its integers may be beyond what JSON.parse keeps. */
  readonly text: string;
  readonly json: {
    readonly id?: string;
    readonly model_name: string;
    readonly model_version: string;
    readonly outputs: readonly {
      readonly name: string;
      readonly shape: readonly number[];
      readonly datatype: string;
      readonly parameters?: { readonly binary_data_size?: number };
      readonly data?: readonly unknown[];
    }[];
  };
  /** What stands behind the JSON. */
  readonly binary: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly predictions: number;
}

export async function serve(
  predictor: Predictor,
  body: Uint8Array | string | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isBytes = body instanceof Uint8Array;
  const bytes = isBytes ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const header = (name: string) => headers[name];
  const work = planInference(predictor, { bytes, header, accept: headers['accept'] ?? '' });
  const reply = writeInference(await work.run(), { name: 'm', version: 3 });
  const whole = 'bytes' in reply ? Buffer.from(reply.bytes) : Buffer.from(reply.text);
  const length = Number(reply.headers?.['inference-header-content-length'] ?? whole.length);
  const text = whole.subarray(0, length).toString('utf8');
  return {
    text,
    json: JSON.parse(text) as Answer['json'],
    binary: whole.subarray(length),
    headers: reply.headers ?? {},
    predictions: work.predictions,
  };
}

/** The body of a binary request, and its headers. */
export function withBytes(json: object, ...tensors: readonly Uint8Array[]): [Buffer, Record<string, string>] {
  const start = Buffer.from(JSON.stringify(json));
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(start.length),
  };
  return [Buffer.concat([start, ...tensors]), headers];
}
