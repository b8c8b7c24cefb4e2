/** How a model is named: in a request, and by what made it. */
import { nameSchema } from './common.ts';

/** The family of models that were not trained here. */
export const UPLOADED_FAMILY = 'onnx';

/** A reference to a model: `name`, `name@alias` or `name:version`. */
export interface ModelRef {
  readonly name: string;
  readonly alias?: string;
  readonly version?: number;
  /** Whom a sticky split keeps at one version. */
  readonly user?: string;
}

const REF_PATTERN = /^([^@:]+)(?:@([A-Za-z0-9._-]{1,63})|:(\d{1,9}))?$/;

/** Reads a reference, or undefined when it is not of one of the three forms. */
export function parseModelRef(ref: string): ModelRef | undefined {
  const match = REF_PATTERN.exec(ref);
  if (match?.[1] === undefined || !nameSchema.safeParse(match[1]).success) return undefined;
  const [, name, alias, version] = match;
  return {
    name,
    ...(alias === undefined ? {} : { alias }),
    ...(version === undefined ? {} : { version: Number(version) }),
  };
}
