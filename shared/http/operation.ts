/** An operation at work: what its code is given and what it gives back, typed by its specification. */
import type * as z from 'zod';
import type { OperationId } from '../contract.ts';
import type { Caller } from '../tenancy/tenant.ts';
import type { OperationSpec } from './spec/spec.ts';
import type { Specs } from './spec/index.ts';

type Parsed<S extends OperationSpec, K extends 'body' | 'query'> = S[K] extends z.ZodType ? z.output<S[K]> : undefined;

/** Operations with media types of their own get no parsed body. */
type Body<S extends OperationSpec> = S extends { readonly media: readonly string[] } ? undefined : Parsed<S, 'body'>;

export interface Call<Id extends OperationId> {
  /** Undefined only on routes without a key. */
  readonly caller: Caller | undefined;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Parsed<Specs[Id], 'query'>;
  readonly body: Body<Specs[Id]>;
  /** The body as it came, for operations with media types of their own; empty for others. */
  readonly bytes: Uint8Array;
  readonly requestId: string;
  /** The Accept header, empty where there is none. */
  readonly accept: string;
  /** The same for every try of a request with an idempotency key: ids are made of it. */
  readonly seed: string | undefined;
  /** Of a client that reconnects to a stream. */
  readonly lastEventId: string | undefined;
  /** What stands before the paths of the API in this request's: its stage, or nothing. */
  readonly basePath: string;
  /** A header by its name in lower case. */
  readonly header: (name: string) => string | undefined;
}

type Accepted<S extends OperationSpec> = S extends { readonly accepted: infer A extends z.ZodType }
  ? z.input<A>
  : never;

/** What the operation answers; the status is the specification's. */
export type Reply<Id extends OperationId> = ReplyOptions &
  (
    | { readonly body: z.input<Specs[Id]['answer']> | Accepted<Specs[Id]> }
    | { readonly body?: never; readonly text: string }
    | { readonly body?: never; readonly bytes: Uint8Array }
  );

interface ReplyOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Where it is not the specification's. */
  readonly status?: number;
  /** Sent instead of the body's JSON, under the content-type of `headers`. */
  readonly text?: string;
  /** Sent instead of the body as it comes, by a function whose answers are streamed. */
  readonly stream?: AsyncIterable<string>;
  /** The same, for what is no text. */
  readonly bytes?: Uint8Array;
}

export type Operation<Id extends OperationId> = (call: Call<Id>) => Promise<Reply<Id>>;

export type Operations<Id extends OperationId> = { readonly [K in Id]: Operation<K> };
