/**
 * The service in one process: the gateway, operations and workflows that the functions run, over a local DynamoDB and S3. What
 * Lambda would start in another process runs here: ingest and fit at once, train without the durable service's replays.
 */
import { resolve } from 'node:path';
import type { APIGatewayProxyEvent } from 'aws-lambda';
import { UNAWAITED } from '../../shared/afterwards.ts';
import { systemClock } from '../../shared/clock.ts';
import { ROUTES } from '../../shared/contract.ts';
import type { OperationId, Route } from '../../shared/contract.ts';
import { controlOperations } from '../../shared/http/control/index.ts';
import { eventsOperations } from '../../shared/http/events/index.ts';
import { gatewayHandler } from '../../shared/http/gateway.ts';
import { SPECS } from '../../shared/http/spec/index.ts';
import { INFERENCE_SPECS } from '../../shared/http/spec/inference.ts';
import type { GatewayOptions, GatewayResult } from '../../shared/http/gateway.ts';
import { ExplainerCache } from '../../shared/http/inference/explainer-cache.ts';
import { inferenceOperations } from '../../shared/http/inference/index.ts';
import { ModelCache } from '../../shared/http/inference/model-cache.ts';
import { admitByRate } from '../../shared/http/rate.ts';
import type { DataClients } from '../../shared/stores/clients.ts';
import type { FunctionInvoker } from '../../shared/stores/functions.ts';
import { PredictionLease } from '../../shared/stores/prediction-lease.ts';
import { tenantStores } from '../../shared/stores/tenant-stores.ts';
import type { TenantStores } from '../../shared/stores/tenant-stores.ts';
import { Tenants } from '../../shared/stores/tenants.ts';
import { toContext } from '../../shared/tenancy/caller.ts';
import { PLANS } from '../../shared/tenancy/plan.ts';
import { LAMBDA_GB_SECOND_USD, pricesAtCost } from '../../shared/tenancy/price.ts';
import { runInSandbox } from '../../shared/runtime/sandbox/run.ts';
import type { CheckEvent } from '../../shared/workflows/check.ts';
import { runBatch } from '../../shared/workflows/batch/run.ts';
import type { BatchEvent } from '../../shared/workflows/batch/run.ts';
import { placeInLane, planBatch, settleBatch } from '../../shared/workflows/batch/settle.ts';
import { performFit } from '../../shared/workflows/fit-actions.ts';
import { ingest } from '../../shared/workflows/ingest.ts';
import type { IngestEvent } from '../../shared/workflows/ingest.ts';
import { settleJob } from '../../shared/workflows/settle.ts';
import { train } from '../../shared/workflows/train.ts';
import type { FitEvent, Orchestration, TrainEvent } from '../../shared/workflows/train.ts';
import { TABLES, startStoresCloud } from '../conformance/stores/dynamo.ts';
import { BUCKET } from '../conformance/sigv4/start-cloud.ts';

/** A request as API Gateway hands it on, of one operation. */
export interface ServiceRequest {
  readonly operation: OperationId;
  readonly tenant: string;
  /** Path parameters, not encoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | null;
}

const GB_SECOND_USD = LAMBDA_GB_SECOND_USD.arm64;
const NAMES = { catalog: TABLES.catalog, quotas: TABLES.quotas, bucket: BUCKET };
const MODEL_BYTES = 2 ** 27;
/** Streams end soon: what is asked is how they begin and what they are made of. */
const STREAMING = { pollMs: 1, heartbeatMs: 2, maxMs: 5, retryMs: 1000 };
/** The process in which uploaded models are tried. */
const SANDBOX = { main: resolve('functions/fit/sandbox.ts'), seconds: 60, memoryBytes: 1_400_000_000 };
const FIT_MS = 60_000;

/** Nothing is refused for want of quota, so that requests get as far as they can. */
const LIMITS = { ...PLANS.dedicated, requests_per_second: 100_000, burst: 100_000, jobs_at_once: 100_000 };

export class Service {
  /** Trainings are carried out; else they are queued, as they are while nobody has a slot for them. */
  isTraining = true;
  /** Batches are carried out; else they are queued. */
  isPredicting = true;
  /** Errors that were answered as `internal`. */
  readonly defects: unknown[] = [];
  readonly #stop: () => Promise<void>;
  readonly #stores: (tenantId: string) => TenantStores;
  readonly #handlers: Readonly<Record<Route['function'], (event: APIGatewayProxyEvent) => Promise<GatewayResult>>>;
  readonly #running = new Set<Promise<unknown>>();
  #requests = 0;

  private constructor(clients: DataClients, stop: () => Promise<void>) {
    const clock = systemClock;
    const onDefect = (error: unknown): void => void this.defects.push(error);
    const perTenant = new Map<string, ReturnType<typeof this.environmentOf>>();
    const environment = (tenantId: string) => {
      const known = perTenant.get(tenantId) ?? this.environmentOf(tenantId, onDefect);
      perTenant.set(tenantId, known);
      return known;
    };
    const tenants = new Tenants(clients.dynamo, TABLES.tenants, GB_SECOND_USD);
    this.#stop = stop;
    this.#stores = (tenantId) => tenantStores(clients, NAMES, { tenantId, clock });
    const common: Omit<GatewayOptions<never>, 'operations' | 'specs'> = {
      admit: admitByRate(({ tenantId }) => this.#stores(tenantId).quotas),
      idempotencyKeys: ({ tenantId }) => this.#stores(tenantId).idempotencyKeys,
      onInternalError: onDefect,
    };
    const control = controlOperations({
      stores: this.#stores,
      priceHistory: () => tenants.priceHistory(),
      functions: this.#functions(onDefect),
      ingestFunction: 'ingest',
      trainFunction: 'train',
      fit: { functionName: 'fit', memoryMb: 2048 },
      allowLocalWebhooks: false,
      clock,
    });
    const inference = inferenceOperations({
      stores: this.#stores,
      lease: (tenantId) => environment(tenantId).lease,
      models: (tenantId) => environment(tenantId).models,
      explainers: (tenantId) => environment(tenantId).explainers,
      clock,
      memoryMb: 2048,
      batches: {
        memoryMb: 2048,
        start: async (_, event) => this.#startBatch(event),
      },
    });
    const audit: GatewayOptions<never>['audit'] = ({ tenantId }) => ({
      log: this.#stores(tenantId).catalog.audit,
      clock,
    });
    this.#handlers = {
      control: gatewayHandler({ ...common, specs: SPECS, audit, operations: control }),
      inference: gatewayHandler({ ...common, specs: INFERENCE_SPECS, operations: inference }),
      events: gatewayHandler({
        specs: SPECS,
        ...common,
        operations: eventsOperations({ stores: this.#stores, timing: STREAMING }),
      }),
    };
  }

  static async start(): Promise<Service> {
    const cloud = await startStoresCloud();
    const s3 = cloud.s3();
    return new Service({ dynamo: cloud.documents(), s3, presigner: s3 }, () => cloud.stop());
  }

  storesOf(tenantId: string): TenantStores {
    return this.#stores(tenantId);
  }

  async stop(): Promise<void> {
    await this.idle();
    await this.#stop();
  }

  /** Until nothing runs that was started and not waited for. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async send(request: ServiceRequest): Promise<GatewayResult> {
    const route = (ROUTES as readonly Route[]).find(({ operation }) => operation === request.operation)!;
    const result = await this.#handlers[route.function](this.#event(route, request));
    if (result.stream === undefined) return result;
    let body = '';
    for await (const part of result.stream) body += part;
    return { ...result, body };
  }

  /** What an environment of the inference function keeps for its tenant. */
  environmentOf(tenantId: string, onDefect: (error: unknown) => void) {
    const stores = this.#stores(tenantId);
    return {
      lease: new PredictionLease(stores.predictions, {
        clock: systemClock,
        afterwards: UNAWAITED,
        onDefect,
        later: (ms, run) => void setTimeout(run, ms).unref(),
      }),
      models: new ModelCache(stores, { threads: 1, maxBytes: MODEL_BYTES, clock: systemClock, afterwards: UNAWAITED }),
      explainers: new ExplainerCache(stores, { threads: 1, maxBytes: MODEL_BYTES }),
    };
  }

  #functions(onDefect: (error: unknown) => void): FunctionInvoker {
    return {
      startIsolated: async (_, tenantId, event) =>
        this.#start(ingest(event as IngestEvent, { ...this.#stores(tenantId), onDefect })),
      call: async <T>(_: string, tenantId: string, { event }: { event: object }) =>
        (await this.#fit(tenantId, event as FitEvent)) as T,
      startDurable: async (_, _name, event) => {
        if ('check' in event) this.#start(this.#check(event as CheckEvent));
        else if ('batch' in event) this.#startBatch(event as BatchEvent);
        else if (this.isTraining) this.#start(this.#train(event as TrainEvent));
      },
    };
  }

  #start(work: Promise<unknown>): void {
    const kept = work.catch((error: unknown) => this.defects.push(error)).finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }

  #fit(tenantId: string, event: FitEvent): Promise<unknown> {
    return performFit(event, {
      stores: this.#stores(tenantId),
      clock: systemClock,
      deadlineMs: Date.now() + FIT_MS,
      endsMs: Date.now() + FIT_MS,
      threads: 1,
      memoryMb: 2048,
      dataBytes: 1e9,
      gbSecondUsd: GB_SECOND_USD,
      sandbox: (bytes) => runInSandbox(bytes, SANDBOX),
    });
  }

  #check({ tenant_id: tenantId, check }: CheckEvent): Promise<unknown> {
    return this.#fit(tenantId, { action: 'check', ...check });
  }

  #startBatch(event: BatchEvent): void {
    if (this.isPredicting) this.#start(this.carryOut(event));
  }

  carryOut(event: BatchEvent): Promise<unknown> {
    const stores = this.#stores(event.tenant_id);
    return runBatch(event, this.#orchestration(event.tenant_id), {
      plan: () => planBatch(event.batch, stores.catalog),
      place: (lane) => placeInLane(event.batch, lane, stores.catalog),
      settle: (outcome) => settleBatch(event.batch, outcome, { ...stores, clock: systemClock }),
      notify: async () => 0,
    });
  }

  #orchestration(tenantId: string): Orchestration {
    const to: Orchestration = {
      fit: async <T>(_: string, fitEvent: FitEvent) => (await this.#fit(tenantId, fitEvent)) as T,
      step: (_, effect) => effect(),
      wait: async () => undefined,
      until: (_, { ask }) => ask(),
      map: (_, { items, run }) => Promise.all(items.map((item) => run(item, to))),
    };
    return to;
  }

  #train(event: TrainEvent): Promise<unknown> {
    const stores = this.#stores(event.tenant_id);
    return train(event, this.#orchestration(event.tenant_id), {
      settle: (outcome) => settleJob(event.job, outcome, { ...stores, clock: systemClock }),
      failTrial: (trial, error) => stores.catalog.trials(event.job).patch(trial, { status: 'failed', error }),
      notify: async () => 0,
    });
  }

  #event(route: Route, { tenant, params, query, headers, body }: ServiceRequest): APIGatewayProxyEvent {
    const resource = route.resource ?? route.path;
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const values = path.split('/');
    const pathParameters = Object.fromEntries(
      resource.split('/').flatMap((part, i) => (part.startsWith('{') ? [[part.slice(1, -1), values[i]]] : [])),
    );
    const isBytes = body instanceof Uint8Array;
    const caller = {
      tenantId: tenant,
      keyId: 'key_1',
      plan: 'dedicated',
      limits: LIMITS,
      prices: pricesAtCost(GB_SECOND_USD),
    };
    return {
      httpMethod: route.method,
      resource,
      path,
      pathParameters,
      queryStringParameters: Object.keys(query).length === 0 ? null : query,
      headers,
      body: isBytes ? Buffer.from(body).toString('base64') : body,
      isBase64Encoded: isBytes,
      requestContext: { path: `/prod${path}`, requestId: `req-${++this.#requests}`, authorizer: toContext(caller) },
      // The rest of an event is what nothing of ours reads.
    } as unknown as APIGatewayProxyEvent;
  }
}
