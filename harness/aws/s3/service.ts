/** The S3 service: path-style requests to an operation of the table; what is not in the table fails by name. */
import { corsHeaders } from './cors.ts';
import { s3Error } from './errors.ts';
import { S3_OPERATIONS } from './operations/index.ts';
import { isPostForm, readPostForm } from './post-form.ts';
import { identifySigner } from './post-policy.ts';
import { AwsError } from '../service.ts';
import type { PolicyDocument } from '../iam/policy.ts';
import type { S3Call, S3Operation } from './operation.ts';
import type { PostForm } from './post-form.ts';
import type { S3Store } from './store.ts';
import type { AwsService, Permission, Principal, ServiceRequest } from '../service.ts';
import type { Verifier } from '../signature/verify.ts';
import type { ServerResponse } from 'node:http';

/** Query parameters that choose another operation; one of these that no operation knows must not be ignored. */
const SUBRESOURCES = new Set(
  (
    'accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle location logging metadataTable ' +
    'metrics notification object-lock partNumber ownershipControls policy policyStatus publicAccessBlock renameObject replication requestPayment ' +
    'restore retention select session tagging torrent uploads uploadId versionId versioning versions website'
  ).split(' '),
);

export interface S3ServiceOptions {
  readonly store: S3Store;
  readonly verifier: Verifier;
  /** By bucket name. */
  readonly bucketPolicies: Readonly<Record<string, PolicyDocument>>;
}

export class S3Service implements AwsService {
  readonly name = 's3';
  readonly protocol = 's3';
  readonly acceptsAnonymous = true;
  readonly #options: S3ServiceOptions;
  readonly #forms = new WeakMap<ServiceRequest, PostForm>();

  constructor(options: S3ServiceOptions) {
    this.#options = options;
  }

  resourcePolicy(resource: string): PolicyDocument | undefined {
    const name = resource.split(':').at(5)?.split('/')[0] ?? '';
    return Object.hasOwn(this.#options.bucketPolicies, name) ? this.#options.bucketPolicies[name] : undefined;
  }

  /** A form upload signs its policy, in a field of its body. */
  async identify(request: ServiceRequest): Promise<Principal | undefined> {
    if (!isPostForm(request)) return undefined;
    const form = await readPostForm(request);
    this.#forms.set(request, form);
    return identifySigner(this.#options.verifier, form);
  }

  async permissions(request: ServiceRequest): Promise<readonly Permission[]> {
    if (request.method === 'OPTIONS') return [];
    const call = this.#call(request);
    return operationOf(call).permissions(call);
  }

  async handle(request: ServiceRequest, response: ServerResponse): Promise<void> {
    const call = this.#call(request);
    if (request.method === 'OPTIONS') {
      this.#preflight(call, response);
      return;
    }
    const cors =
      call.bucket !== '' &&
      this.#options.store.has(call.bucket) &&
      corsHeaders(this.#options.store.bucket(call.bucket).corsRules, request.http);
    for (const [name, value] of Object.entries(cors || {})) response.setHeader(name, value);
    await operationOf(call).handle(call, response);
  }

  #call(request: ServiceRequest): S3Call {
    const [, bucket = '', ...rest] = request.rawPath.split('/');
    const key = decodeKey(rest.join('/'));
    if (Buffer.byteLength(key) > 1024)
      throw s3Error('KeyTooLongError', { fields: { Size: String(Buffer.byteLength(key)), MaxSizeAllowed: '1024' } });
    const { store, verifier } = this.#options;
    return { request, store, region: verifier.region, bucket: decodeKey(bucket), key, form: this.#forms.get(request) };
  }

  #preflight(call: S3Call, response: ServerResponse): void {
    const { corsRules } = this.#options.store.bucket(call.bucket);
    const { http } = call.request;
    if (http.headers.origin === undefined || http.headers['access-control-request-method'] === undefined) {
      throw new AwsError(400, 'BadRequest', 'Insufficient information. Origin request header needed.');
    }
    if (corsRules.length === 0)
      throw s3Error('AccessForbidden', { message: 'CORSResponse: CORS is not enabled for this bucket.' });
    const headers = corsHeaders(corsRules, http);
    if (headers === undefined) {
      throw s3Error('AccessForbidden', {
        message:
          "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.",
      });
    }
    response.writeHead(200, { ...headers, 'content-length': '0' });
    response.end();
  }
}

function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AwsError(400, 'InvalidURI', "Couldn't parse the specified URI.");
  }
}

function operationOf(call: S3Call): S3Operation {
  const { method, query, http } = call.request;
  const on = call.bucket === '' ? 'service' : call.key === '' ? 'bucket' : 'object';
  const operation = S3_OPERATIONS.find(
    (candidate) =>
      candidate.method === method &&
      candidate.on === on &&
      (candidate.query ?? []).every((name) => query.has(name)) &&
      (candidate.header === undefined || http.headers[candidate.header] !== undefined),
  );
  const unknown = [...query.keys()].find((name) => SUBRESOURCES.has(name) && !(operation?.query ?? []).includes(name));
  if (unknown !== undefined) {
    throw s3Error('NotImplemented', {
      message: `${method} ?${unknown} of a${on === 'object' ? 'n object' : ' bucket'} is not implemented by the local S3.`,
    });
  }
  if (operation === undefined)
    throw s3Error('MethodNotAllowed', { fields: { Method: method, ResourceType: on.toUpperCase() } });
  return operation;
}
