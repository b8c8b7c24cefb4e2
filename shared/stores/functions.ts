/** Starting the other functions: ingest by an asynchronous invoke, train as a durable execution under the job's id. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';

export interface FunctionInvoker {
  /** Queues one invocation of a function that is isolated per tenant; Lambda retries it should it fail. */
  startIsolated(functionName: string, tenantId: string, event: object): Promise<void>;
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
