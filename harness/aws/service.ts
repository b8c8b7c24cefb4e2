/**
 * The seam of the emulated AWS services: one HTTP endpoint (front.ts) reads a request, verifies its signature, asks the
 * service which permissions it needs, has the policies evaluated, and hands it over. A service is one folder.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PolicyDocument } from './iam/policy.ts';

/** Who signed the request: a session of a role of the template, or the operator (the account itself). */
export interface Principal {
  readonly arn: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  /** ARN of the IAM role in the template, undefined for the operator, who may do everything. */
  readonly roleArn?: string;
  /** Session tags of AssumeRole, as aws:PrincipalTag/<key>. */
  readonly tags: Readonly<Record<string, string>>;
  /** Tag keys that go along when this session assumes the next role. */
  readonly transitiveTagKeys?: readonly string[];
  /** The `Policy` that AssumeRole was given: the session may do only what this allows too. */
  readonly sessionPolicy?: PolicyDocument;
  /** When the session began, for aws:TokenIssueTime. */
  readonly issuedAtEpochS?: number;
}

/** One permission a request needs. `context` holds condition keys such as `dynamodb:LeadingKeys` or `s3:prefix`. */
export interface Permission {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ServiceRequest {
  readonly http: IncomingMessage;
  readonly requestId: string;
  readonly method: string;
  /** Path as sent, percent-encoded, without the query string. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  /** Undefined for an anonymous request. */
  readonly principal?: Principal | undefined;
  /**
   * The body without its aws-chunked framing, to be read once. Its declared SHA-256, chunk signatures and length are
   * checked on the way: a mismatch throws AwsError before the last chunk is handed out, so commit only after the end.
   */
  stream(): AsyncIterable<Buffer>;
  /** Headers that came after an aws-chunked body (lower case); complete once `stream()` has ended. */
  readonly trailers: Readonly<Record<string, string>>;
  /** Reads the whole body (at most 64 MiB) through `stream()`; later calls return the same bytes. */
  body(): Promise<Buffer>;
  /** Would the caller be allowed this too? For services whose answer depends on it (S3: 403 or 404 for a missing key). */
  may(permission: Permission): boolean;
}

/** The family of wire formats for errors; `dynamodb` is JSON whose client errors are all 400. */
export type Protocol = 's3' | 'dynamodb' | 'rest-json' | 'query';

export interface AwsService {
  /** As in the credential scope: `s3`, `dynamodb`, `lambda`, `sts`. */
  readonly name: string;
  readonly protocol: Protocol;
  /** Unsigned requests reach `permissions`, with no principal: only resource policies (or no permission at all) let them in. */
  readonly acceptsAnonymous?: boolean;
  /** Who sent a request that carries no SigV4 header or query, for services that sign in the body (S3 POST forms). */
  identify?(request: ServiceRequest): Promise<Principal | undefined>;
  /** Which permissions the request needs, all of them; an unknown operation throws AwsError. */
  permissions(request: ServiceRequest): Promise<readonly Permission[]>;
  /** The policy attached to a resource (bucket policy, function permissions), given its ARN. */
  resourcePolicy?(resource: string): PolicyDocument | undefined;
  handle(request: ServiceRequest, response: ServerResponse): Promise<void>;
}

/** An error in the service's own words; wire-errors.ts writes it in the service's wire format. */
export class AwsError extends Error {
  readonly status: number;
  readonly code: string;
  /** Further elements of the error's body, such as `BucketName` or `Region`. */
  readonly fields: Readonly<Record<string, string>>;
  /** Headers of the answer, such as Content-Range of a 416. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    extra: { fields?: Record<string, string>; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = code;
    this.status = status;
    this.code = code;
    this.fields = extra.fields ?? {};
    this.headers = extra.headers ?? {};
  }
}
