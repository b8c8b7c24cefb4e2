/**
 * The Invoke operation as a whole: which function, which type, which tenant; durable functions go to the durable
 * service, events to the queue, the rest runs now. Source: AWS Lambda API reference, Invoke.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { AwsError } from '../aws/service.ts';
import type { CloudModel } from '../template/index.ts';
import { AsyncQueue } from './async-queue.ts';
import type { DeliveryResult, QueuedEvent } from './async-queue.ts';
import { FunctionCatalog } from './functions.ts';
import type { FunctionTarget } from './functions.ts';
import { Invoker } from './invoker.ts';
import type { InvokerOptions, RunRequest, RunResult, StreamResult } from './invoker.ts';
import { MAX_ASYNC_BYTES, MAX_SYNC_BYTES, checkJson, checkRequestSize, checkTenant } from './payload.ts';

export type InvocationType = 'RequestResponse' | 'Event' | 'DryRun';

export interface InvokeRequest {
  readonly functionName: string;
  readonly qualifier?: string | undefined;
  readonly invocationType?: InvocationType;
  readonly payload: Buffer;
  readonly tenantId?: string | undefined;
  readonly durableExecutionName?: string | undefined;
  readonly traceId?: string | undefined;
  readonly clientContext?: string | undefined;
}

export interface InvokeResponse {
  readonly statusCode: 200 | 202 | 204;
  readonly requestId: string;
  readonly payload: Buffer;
  readonly functionError: 'Unhandled' | undefined;
  readonly executedVersion: string;
  readonly durableExecutionArn?: string;
}

/** What the durable service does for Invoke. */
export interface DurableStarter {
  /** Starts an execution, or finds the one of that name and payload. */
  start(request: { target: FunctionTarget; payload: Buffer; tenantId: string | undefined; name: string | undefined }): {
    arn: string;
  };
  /** Settles when the execution has ended: its result, or its error as a function error. */
  wait(arn: string): Promise<{ payload: Buffer; functionError: 'Unhandled' | undefined }>;
}

export interface LambdaOptions extends InvokerOptions {
  readonly model: CloudModel;
  /** Delays before the retries of an asynchronous invocation, in ms. */
  readonly asyncRetryDelaysMs: readonly number[];
}

/** Longest execution that a synchronous invocation may wait for, in s. */
const MAX_SYNC_DURABLE_S = 900;

export class LambdaService {
  readonly catalog: FunctionCatalog;
  readonly invoker: Invoker;
  readonly #queue: AsyncQueue;
  readonly #options: LambdaOptions;
  /** Set by the durable service when it starts. */
  durable: DurableStarter | undefined;

  constructor(options: LambdaOptions) {
    this.#options = options;
    this.catalog = new FunctionCatalog(options.model.functions);
    this.invoker = new Invoker(options);
    this.#queue = new AsyncQueue({
      directory: join(options.dataDir, 'async'),
      retryDelaysMs: options.asyncRetryDelaysMs,
      policy: (event) => this.#asyncPolicy(event),
      deliver: (event) => this.#deliver(event),
      onDiscard: (event, reason) =>
        this.#log(event, `[async] ${event.id} of ${event.functionArn} discarded: ${reason}`),
    });
  }

  /** Takes up queued events of an earlier run. */
  resume(): void {
    this.#queue.resume();
  }

  async close(): Promise<void> {
    this.#queue.close();
    await this.invoker.close();
  }

  /** Starts one process of every function that is not isolated per tenant. */
  async warm(): Promise<void> {
    const targets = this.catalog.all
      .filter((fn) => !fn.isTenantIsolated)
      .map((fn) => this.catalog.resolve(fn.functionName));
    await Promise.all(targets.map((target) => this.invoker.warm(target)));
  }

  /** @throws AwsError in Lambda's words; a failing function is no error but `functionError`. */
  async invoke(request: InvokeRequest): Promise<InvokeResponse> {
    const { target, type } = this.#check(request);
    const requestId = randomUUID();
    const empty = {
      requestId,
      payload: Buffer.alloc(0),
      functionError: undefined,
      executedVersion: target.version,
    } as const;
    if (type === 'DryRun') return { ...empty, statusCode: 204 };
    if (target.fn.durable) return this.#invokeDurable(request, target, type, empty);
    if (type === 'Event') {
      this.#queue.add(target.invokedArn, request.tenantId, request.payload, requestId);
      return { ...empty, statusCode: 202 };
    }
    const result = await this.invoker.run(this.#runRequest(request, target, requestId));
    return { ...empty, statusCode: 200, payload: result.payload, functionError: result.functionError };
  }

  /** A synchronous invoke for a durable execution: it may wait for another one as long as that takes. */
  async invokeChained(request: InvokeRequest): Promise<InvokeResponse> {
    const { target } = this.#check({ ...request, invocationType: 'RequestResponse' });
    if (!target.fn.durable) return this.invoke({ ...request, durableExecutionName: undefined });
    const empty = {
      requestId: randomUUID(),
      payload: Buffer.alloc(0),
      functionError: undefined,
      executedVersion: target.version,
    } as const;
    return this.#invokeDurable(request, target, 'Chained', empty);
  }

  /** InvokeWithResponseStream: like a synchronous invoke, but a streamed answer is handed on as it comes. */
  async invokeStreaming(request: InvokeRequest): Promise<RunResult | StreamResult> {
    const { target } = this.#check({ ...request, invocationType: 'RequestResponse' });
    if (target.fn.durable)
      throw new AwsError(
        400,
        'InvalidParameterValueException',
        'A durable function cannot be invoked with a response stream.',
      );
    return this.invoker.runStreaming(this.#runRequest(request, target, randomUUID()));
  }

  #check(request: InvokeRequest): { target: FunctionTarget; type: InvocationType } {
    const type = request.invocationType ?? 'RequestResponse';
    const target = this.catalog.resolve(request.functionName, request.qualifier);
    checkRequestSize(request.payload, type === 'Event' ? MAX_ASYNC_BYTES : MAX_SYNC_BYTES);
    checkJson(request.payload);
    checkTenant(target.fn, request.tenantId);
    return { target, type };
  }

  #runRequest(request: InvokeRequest, target: FunctionTarget, requestId: string): RunRequest {
    return {
      target,
      payload: request.payload,
      tenantId: request.tenantId,
      requestId,
      traceId: request.traceId,
      clientContext: request.clientContext,
    };
  }

  async #invokeDurable(
    request: InvokeRequest,
    target: FunctionTarget,
    type: InvocationType | 'Chained',
    empty: Omit<InvokeResponse, 'statusCode'>,
  ): Promise<InvokeResponse> {
    const invalid = (message: string) => new AwsError(400, 'InvalidParameterValueException', message);
    if (!this.durable) throw new AwsError(503, 'ServiceException', 'the durable service is not running');
    if (target.qualifier === undefined)
      throw invalid(
        'You cannot invoke a durable function using an unqualified ARN: name a version, an alias or $LATEST.',
      );
    if (type === 'RequestResponse' && (target.fn.durable?.executionTimeoutS ?? 0) > MAX_SYNC_DURABLE_S) {
      throw invalid(
        'You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.',
      );
    }
    const { arn } = this.durable.start({
      target,
      payload: request.payload,
      tenantId: request.tenantId,
      name: request.durableExecutionName,
    });
    if (type === 'Event') return { ...empty, statusCode: 202, durableExecutionArn: arn };
    return { ...empty, statusCode: 200, durableExecutionArn: arn, ...(await this.durable.wait(arn)) };
  }

  #asyncPolicy(event: QueuedEvent): { maximumRetryAttempts: number; maximumEventAgeS: number } {
    const { fn, qualifier } = this.catalog.resolve(event.functionArn);
    return (
      fn.asyncConfigs.find((config) => config.qualifier === (qualifier ?? '$LATEST')) ?? {
        maximumRetryAttempts: 2,
        maximumEventAgeS: 21_600,
      }
    );
  }

  async #deliver(event: QueuedEvent): Promise<DeliveryResult> {
    try {
      const target = this.catalog.resolve(event.functionArn);
      const payload = Buffer.from(event.payloadBase64, 'base64');
      const { functionError } = await this.invoker.run({
        target,
        payload,
        tenantId: event.tenantId,
        requestId: event.id,
      });
      return functionError === undefined ? 'done' : 'failed';
    } catch (error) {
      if (error instanceof AwsError && error.status >= 429) return 'retry';
      this.#log(event, `[async] ${event.id}: ${(error as Error).message}`);
      return 'failed';
    }
  }

  #log(event: QueuedEvent, line: string): void {
    this.#options.logs.write({
      functionName: event.functionArn.split(':')[6] ?? 'async',
      tenantId: event.tenantId,
      line,
    });
  }
}
