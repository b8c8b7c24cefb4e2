/**
 * The seam of the emulated AWS services: one HTTP endpoint (front.ts) reads a request, verifies its signature, asks the
 * service which actions it stands for, has the policies evaluated, and hands it over. A service is one folder.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Who signed the request: a role of the template, a session of it, or the operator (the account itself). */
export interface Principal {
  readonly arn: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  /** Name of the IAM role in the template, undefined for the operator, who may do everything. */
  readonly roleArn?: string;
  /** Session tags of AssumeRole, as aws:PrincipalTag/<key>. */
  readonly tags: Readonly<Record<string, string>>;
}

/** One permission a request needs. `context` holds condition keys such as `dynamodb:LeadingKeys` or `s3:prefix`. */
export interface Permission {
  readonly action: string;
  readonly resource: string;
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

export interface ServiceRequest {
  readonly http: IncomingMessage;
  readonly method: string;
  /** Path as sent, percent-encoded, without the query string. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  /** Undefined for an anonymous request. */
  readonly principal?: Principal;
  /** Reads the body once, checking its declared SHA-256 and any aws-chunked framing; later calls return the same bytes. */
  body(): Promise<Buffer>;
}

export interface AwsService {
  /** As in the credential scope: `s3`, `dynamodb`, `lambda`, `sts`, `logs`. */
  readonly name: string;
  /** Which permissions the request needs; an unknown operation throws AwsError. */
  permissions(request: ServiceRequest): Promise<readonly Permission[]>;
  handle(request: ServiceRequest, response: ServerResponse): Promise<void>;
}

/** An error in the service's own words; front.ts writes it in the service's wire format. */
export class AwsError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = code;
    this.status = status;
    this.code = code;
  }
}
