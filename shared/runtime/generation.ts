/**
 * Text from a language model: the file gives the probabilities of one next token, this loop draws it, appends it and asks again. Greedy at temperature 0,
 * otherwise by a generator of the seed, one for each prompt.
 */
import { joinTokens, tokensOf } from '../data/text.ts';
import type { TokenKind } from '../data/text.ts';
import { ServiceError } from '../errors.ts';
import { Random } from '../tensor/random.ts';

export interface GenerationParameters {
  readonly max_tokens?: number | undefined;
  /** 0: always the most probable token; 1: by the model's probabilities; between and above, sharper and flatter. */
  readonly temperature?: number | undefined;
  /** Only the k most probable tokens. */
  readonly top_k?: number | undefined;
  readonly seed?: number | undefined;
}

/** What a model's metadata say of its language. */
export interface Language {
  readonly tokens: TokenKind;
  /** Tokens of context that it takes. */
  readonly window: number;
  /** The token of every id; 0 is padding and 1 unknown, neither of which is ever generated. */
  readonly vocabulary: readonly string[];
}

export interface TextPrediction {
  /** The continuation, without the prompt. */
  readonly text: string;
}

/** Probabilities of the next token by id, one list per text. */
export type NextToken = (texts: readonly string[]) => Promise<readonly (readonly number[])[]>;

const DEFAULT_MAX_TOKENS = 100;
/** Over all prompts of a request: half a minute of a small model. */
const MAX_TOKENS_IN_ALL = 10_000;

/** @throws invalid_request when a prompt is empty, or too much is asked for at once */
export async function generate(
  next: NextToken,
  { tokens: kind, window, vocabulary }: Language,
  prompts: readonly string[],
  parameters: GenerationParameters = {},
): Promise<TextPrediction[]> {
  const { max_tokens: count = DEFAULT_MAX_TOKENS, seed = 0 } = parameters;
  if (count * prompts.length > MAX_TOKENS_IN_ALL) {
    const message = `${prompts.length} prompts of ${count} tokens are ${count * prompts.length} tokens, at most ${MAX_TOKENS_IN_ALL} are generated in a request: lower "max_tokens", or send the prompts in several calls`;
    throw new ServiceError('invalid_request', message, { param: '/parameters/max_tokens' });
  }
  const rows = prompts.map((prompt, i) => {
    const tokens = tokensOf(prompt, kind);
    if (tokens.length === 0) throw emptyPrompt(i, kind);
    return { tokens, length: tokens.length, random: Random.fromSeed(seed * 0x10000 + i) };
  });
  for (let step = 0; step < count; step++) {
    const contexts = rows.map(({ tokens }) => joinTokens(tokens.slice(-window), kind));
    const probabilities = await next(contexts);
    rows.forEach(({ tokens, random }, i) => tokens.push(vocabulary[draw(probabilities[i]!, parameters, random)]!));
  }
  return rows.map(({ tokens, length }) => ({ text: joinTokens(tokens.slice(length), kind) }));
}

function emptyPrompt(instance: number, kind: TokenKind): ServiceError {
  return new ServiceError('invalid_request', `instance ${instance}: expected a prompt of at least one ${kind}`, {
    param: `/instances/${instance}`,
  });
}

/** Ids that are no token. */
const FIRST_TOKEN = 2;

/** An id, by the probabilities to the power of 1 / temperature. */
export function draw(
  probabilities: readonly number[],
  { temperature = 1, top_k: limit = Infinity }: GenerationParameters,
  random: Random,
): number {
  const ids = probabilities.keys().drop(FIRST_TOKEN).toArray();
  const ranked = ids.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b).slice(0, limit);
  const [best] = ranked as [number];
  if (temperature === 0) return best;
  // Relative to the best, so that no power vanishes for all of them.
  const weights = ranked.map((id) => (probabilities[id]! / probabilities[best]!) ** (1 / temperature));
  let left = random.nextDouble() * weights.reduce((sum, weight) => sum + weight, 0);
  const at = weights.findIndex((weight) => (left -= weight) < 0);
  return ranked[at] ?? best;
}
