/** What an operation takes and answers, apart from the code that carries it out: the OpenAPI document is made of these. */
import type * as z from 'zod';

export interface OperationSpec {
  readonly tag: string;
  readonly summary: string;
  /** Path parameters: name -> what it is. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: z.ZodType;
  /** An example of the query, sent as it stands by a test. */
  readonly exampleQuery?: Readonly<Record<string, string | number>>;
  readonly body?: z.ZodType;
  /** Media types whose bytes the operation reads itself; `body` then says what they hold where they are JSON. */
  readonly media?: readonly string[];
  /** An example body, sent as it stands by a test. */
  readonly example?: unknown;
  /** HTTP status of success. */
  readonly status: number;
  readonly answer: z.ZodType;
  /** The answer under 202, where the request may be carried out later. */
  readonly accepted?: z.ZodType;
  /** The answer's media type, where it is not JSON. */
  readonly answerType?: string;
  /** Media types besides JSON that the answer may come in, by the Accept header. */
  readonly alternatives?: readonly string[];
}
