/**
 * Text as token ids: words (what stands between blanks) or characters (Unicode code points). Id 0 is padding, 1 a token that the training rows do not
 * have, the vocabulary follows from 2 on. text-graph.ts has the same as ONNX nodes, which take the tensors that `textFeed` makes.
 */
import { tensor } from '../tensor/tensor.ts';
import type { HostTensor } from '../tensor/tensor.ts';
import { isMissing } from './columns.ts';
import type { Column } from './table.ts';

export type TokenKind = 'word' | 'character';

/** As a job states it; what is left out takes the defaults of `textSettings`. */
export interface TextOptions {
  readonly tokens?: TokenKind | undefined;
  /** Size of the vocabulary with padding and unknown: the most frequent tokens stay. */
  readonly max_tokens?: number | undefined;
  /** Tokens of a text that count, from its beginning. */
  readonly max_length?: number | undefined;
  /** Upper and lower case are one. */
  readonly lowercase?: boolean | undefined;
}

export interface TextSettings {
  readonly tokens: TokenKind;
  readonly maxTokens: number;
  readonly maxLength: number;
  readonly lowercase: boolean;
  /** A mark after a word is no part of it. */
  readonly isBare: boolean;
}

export interface TextEncoding {
  readonly name: string;
  readonly type: 'text';
  readonly tokens: TokenKind;
  /** Ids of a row: longer texts are cut, shorter ones padded. */
  readonly length: number;
  readonly lowercase: boolean;
  /** A word with one of the MARKS after it is the word; a text that is to be written keeps them. */
  readonly isBare: boolean;
  /** A missing text is refused; otherwise it is an empty one. */
  readonly required: boolean;
  /** The tokens of the ids from 2 on. */
  readonly vocabulary: readonly string[];
}

/** Ids before those of the vocabulary: padding and unknown. */
export const RESERVED_IDS = 2;
export const MARKS = ['.', ',', '!', '?', ';', ':'] as const;
const DEFAULT_MAX_TOKENS = 10_000;
const DEFAULT_MAX_LENGTH = { word: 128, character: 256 } as const;

/** Of a text that is read, or that is to be written. */
export function textSettings(options: TextOptions = {}, { isWritten = false } = {}): TextSettings {
  const { tokens = isWritten ? 'character' : 'word', max_tokens: maxTokens = DEFAULT_MAX_TOKENS } = options;
  const isBare = tokens === 'word' && !isWritten;
  const { lowercase = isBare, max_length: maxLength = DEFAULT_MAX_LENGTH[tokens] } = options;
  return { tokens, maxTokens, maxLength, lowercase, isBare };
}

/** How many ids an encoding has. */
export const vocabularySize = ({ vocabulary }: Pick<TextEncoding, 'vocabulary'>): number =>
  vocabulary.length + RESERVED_IDS;

/** A cell of a text or category column; '' where it is missing. */
export function textAt(column: Column & { type: 'text' | 'category' }, row: number): string {
  if (isMissing(column, row)) return '';
  return column.type === 'text' ? column.values[row]! : column.categories[column.values[row]!]!;
}

/** The first `limit` tokens of a text. */
export function tokensOf(text: string, tokens: TokenKind, limit = Infinity): string[] {
  if (tokens === 'word') {
    const words = text.split(/\s+/).filter((word) => word !== '');
    return words.length > limit ? words.slice(0, limit) : words;
  }
  const characters: string[] = [];
  for (const character of text) {
    if (characters.length >= limit) break;
    characters.push(character);
  }
  return characters;
}

/** Tokens as one text again. */
export const joinTokens = (tokens: readonly string[], kind: TokenKind): string =>
  tokens.join(kind === 'word' ? ' ' : '');

/** The vocabulary and length of texts: the most frequent tokens, equal counts by code unit, in the order of code units. */
export class Vocabulary {
  readonly #settings: TextSettings;
  readonly #counts = new Map<string, number>();
  #length = 1;

  constructor(settings: TextSettings) {
    this.#settings = settings;
  }

  add(text: string): void {
    const { tokens: kind, maxLength, lowercase, isBare } = this.#settings;
    const tokens = tokensOf(text, kind, maxLength);
    this.#length = Math.max(this.#length, tokens.length);
    for (const token of tokens) {
      const cased = lowercase ? lowered(token, kind) : token;
      const key = isBare ? bare(cased) : cased;
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    }
  }

  finish(): Pick<TextEncoding, 'vocabulary' | 'length'> {
    const byCount = [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const kept = byCount.slice(0, this.#settings.maxTokens - RESERVED_IDS).map(([token]) => token);
    return { vocabulary: kept.sort((a, b) => (a < b ? -1 : 1)), length: this.#length };
  }
}

/** Without the marks at its end, where there is anything before them. */
const bare = (word: string): string => word.replace(/(?<=.)[.,!?;:]+$/, '');

/** Of a word its ASCII letters: the rest of StringNormalizer depends on the machine's locale. */
function lowered(token: string, kind: TokenKind): string {
  if (kind === 'word') return token.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const lower = token.toLowerCase();
  return Array.from(lower).length === 1 ? lower : token;
}

/** What the nodes take: words as one string with single blanks, string [batch, 1]; characters as code points, int64 [batch, time], 0 after the end. */
export function textFeed(texts: readonly string[], encoding: Pick<TextEncoding, 'tokens' | 'length'>): HostTensor {
  const rows = texts.map((text) => tokensOf(text, encoding.tokens, encoding.length));
  if (encoding.tokens === 'word') {
    return tensor(
      'string',
      [rows.length, 1],
      rows.map((words) => words.join(' ')),
    );
  }
  const time = rows.reduce((longest, row) => Math.max(longest, row.length), 1);
  const points = new BigInt64Array(rows.length * time);
  rows.forEach((row, i) => row.forEach((character, t) => (points[i * time + t] = BigInt(character.codePointAt(0)!))));
  return tensor('int64', [rows.length, time], points);
}
