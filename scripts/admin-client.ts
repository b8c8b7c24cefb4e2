/** Invokes the admin function: in the operator's AWS account, or in a local cloud. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';

export const ADMIN_FUNCTION = 'tenon-admin';

/** @param lambdaUrl of a local cloud; without it the call goes to AWS with the operator's own credentials */
export async function invokeAdmin(
  command: object,
  lambdaUrl?: string,
  functionName = ADMIN_FUNCTION,
): Promise<Record<string, unknown>> {
  const client = new LambdaClient(
    lambdaUrl === undefined
      ? {}
      : { endpoint: lambdaUrl, region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } },
  );
  const { Payload, FunctionError } = await client.send(
    new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(command) }),
  );
  const answer = JSON.parse(Buffer.from(Payload ?? []).toString('utf8')) as Record<string, unknown>;
  if (FunctionError !== undefined) throw new Error(`${functionName} failed: ${JSON.stringify(answer)}`);
  return answer;
}
