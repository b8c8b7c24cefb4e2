/**
 * A text as rows to learn a language from: the documents of a column one after the other, a line break between them, cut into rows of `context` tokens and
 * the token that follows, with which the next row begins. Rows keep the order of the text.
 */
import { ServiceError } from '../errors.ts';
import { columnOf } from './columns.ts';
import type { Table } from './table.ts';
import { joinTokens, textAt, tokensOf } from './text.ts';
import type { TokenKind } from './text.ts';

const SEPARATOR = '\n';
/** Tokens are held one by one, at tens of bytes each. */
const MAX_TEXT_LENGTH = 20_000_000;

/** One text column of the same name. @throws invalid_request when there are fewer than two tokens, or more text than memory */
export function passagesOf(
  table: Table,
  name: string,
  { context, tokens: kind }: { readonly context: number; readonly tokens: TokenKind },
): Table {
  const column = columnOf(table, name);
  if (column.type !== 'text' && column.type !== 'category') throw new TypeError(`"${name}": expected a text column`);
  const text = Array.from({ length: table.rows }, (_, row) => textAt(column, row)).join(SEPARATOR);
  if (text.length > MAX_TEXT_LENGTH) {
    const message = `a language model learns from at most ${MAX_TEXT_LENGTH} characters, "${name}" has ${text.length}: bring fewer rows`;
    throw new ServiceError('invalid_request', message, { param: '/features/0' });
  }
  const tokens = tokensOf(text, kind);
  if (tokens.length < 2) {
    const message = `a language model needs a text of two tokens or more, "${name}" has ${tokens.length}`;
    throw new ServiceError('invalid_request', message, { param: '/features/0' });
  }
  const rows = Math.ceil((tokens.length - 1) / context);
  const values = Array.from({ length: rows }, (_, row) =>
    joinTokens(tokens.slice(row * context, (row + 1) * context + 1), kind),
  );
  return { rows, columns: [{ name, type: 'text', values }] };
}
