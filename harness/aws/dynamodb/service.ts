/**
 * The DynamoDB service: dynalite behind signatures and policies. What dynalite lacks or silently ignores fails by name;
 * time to live is the harness's own (ttl.ts).
 */
import { AwsError } from '../service.ts';
import { permissionsOf } from './permissions.ts';
import type { DynamoBackend } from './backend.ts';
import type { KeySchemas } from './key-schemas.ts';
import type { TimeToLive } from './ttl.ts';
import type { AwsService, Permission, ServiceRequest } from '../service.ts';
import type { ServerResponse } from 'node:http';

/** Operations that dynalite answers. */
const FORWARDED = new Set([
  'BatchGetItem',
  'BatchWriteItem',
  'CreateTable',
  'DeleteItem',
  'DeleteTable',
  'DescribeTable',
  'GetItem',
  'ListTables',
  'ListTagsOfResource',
  'PutItem',
  'Query',
  'Scan',
  'TagResource',
  'UntagResource',
  'UpdateItem',
  'UpdateTable',
]);
const TTL_OPERATIONS = new Set(['UpdateTimeToLive', 'DescribeTimeToLive']);

export interface DynamoServiceOptions {
  readonly backend: DynamoBackend;
  readonly schemas: KeySchemas;
  readonly ttl: TimeToLive;
  readonly accountId: string;
  readonly region: string;
}

export class DynamoService implements AwsService {
  readonly name = 'dynamodb';
  readonly protocol = 'dynamodb';
  readonly #options: DynamoServiceOptions;

  constructor(options: DynamoServiceOptions) {
    this.#options = options;
  }

  async permissions(request: ServiceRequest): Promise<readonly Permission[]> {
    const operation = operationOf(request);
    return permissionsOf(operation, parseBody(await request.body()), this.#options);
  }

  async handle(request: ServiceRequest, response: ServerResponse): Promise<void> {
    const operation = operationOf(request);
    const body = await request.body();
    const input = parseBody(body);
    refuseIgnored(operation, input);
    if (TTL_OPERATIONS.has(operation)) {
      const answer =
        operation === 'UpdateTimeToLive'
          ? await this.#options.ttl.update(input)
          : await this.#options.ttl.describe(input);
      const text = JSON.stringify(answer);
      response.writeHead(200, {
        'content-type': 'application/x-amz-json-1.0',
        'content-length': String(Buffer.byteLength(text)),
      });
      response.end(text);
      return;
    }
    const answer = await this.#options.backend.send(operation, body);
    if (operation === 'DeleteTable' || operation === 'UpdateTable')
      this.#options.schemas.forget(String(input['TableName']));
    response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
    response.end(answer.body);
  }
}

function operationOf(request: ServiceRequest): string {
  const target = request.http.headers['x-amz-target'];
  const [version, operation = ''] = (typeof target === 'string' ? target : '').split('.');
  if (version !== 'DynamoDB_20120810' || operation === '') {
    throw new AwsError(
      400,
      'UnknownOperationException',
      `X-Amz-Target must be DynamoDB_20120810.<operation>, got '${String(target)}'.`,
    );
  }
  if (!FORWARDED.has(operation) && !TTL_OPERATIONS.has(operation)) {
    throw new AwsError(
      400,
      'UnknownOperationException',
      `The local DynamoDB (dynalite) does not implement ${operation}.`,
    );
  }
  return operation;
}

function parseBody(body: Buffer): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(body.toString());
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Record<string, unknown>;
  } catch {
    // Answered below, as any other body that is no JSON object.
  }
  throw new AwsError(400, 'SerializationException', 'The body must be a JSON object.');
}

/** dynalite takes these and does nothing about them; a caller that relies on one must hear of it. */
function refuseIgnored(operation: string, input: Record<string, unknown>): void {
  const returns = input['ReturnValuesOnConditionCheckFailure'];
  if (returns !== undefined && returns !== 'NONE') {
    throw new AwsError(
      400,
      'ValidationException',
      `The local DynamoDB (dynalite) does not implement ReturnValuesOnConditionCheckFailure (in ${operation}): read the item again instead.`,
    );
  }
}
