/** Starting the other functions: ingest by an asynchronous invoke, train as a durable execution under the job's id. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ServiceError } from '../errors.ts';

export interface FunctionInvoker {
  /** Queues one invocation of a function that is isolated per tenant; Lambda retries it should it fail. */
  startIsolated(functionName: string, tenantId: string, event: object): Promise<void>;
  /** Invokes a function that is isolated per tenant and waits. @throws {ServiceError} training_timeout when it takes longer */
  call<T>(functionName: string, tenantId: string, call: { event: object; timeoutMs: number }): Promise<T>;
  /** Starts a durable execution; the same name again is the same execution. */
  startDurable(functionName: string, executionName: string, event: object): Promise<void>;
}

export function functionInvoker(client = new LambdaClient({})): FunctionInvoker {
  return {
    async startIsolated(functionName, tenantId, event) {
      await client.send(
        new InvokeCommand({
          FunctionName: functionName,
          InvocationType: 'Event',
          TenantId: tenantId,
          Payload: JSON.stringify(event),
        }),
      );
    },
    async call<T>(functionName: string, tenantId: string, { event, timeoutMs }: { event: object; timeoutMs: number }) {
      const abortSignal = AbortSignal.timeout(timeoutMs);
      const command = new InvokeCommand({
        FunctionName: functionName,
        TenantId: tenantId,
        Payload: JSON.stringify(event),
      });
      const answer = await client.send(command, { abortSignal }).catch((error: unknown) => {
        if (!abortSignal.aborted) throw error;
        const message = `there was no answer within ${timeoutMs / 1000} s`;
        throw new ServiceError('training_timeout', message, { cause: error });
      });
      const payload = answer.Payload?.transformToString() ?? '';
      if (answer.FunctionError !== undefined) throw new Error(`${functionName} failed: ${payload}`);
      return JSON.parse(payload) as T;
    },
    async startDurable(functionName, executionName, event) {
      await client.send(
        new InvokeCommand({
          FunctionName: functionName,
          InvocationType: 'Event',
          DurableExecutionName: executionName,
          Payload: JSON.stringify(event),
        }),
      );
    },
  };
}
