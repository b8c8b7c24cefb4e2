/**
 * Whether API Gateway may invoke a function: the template's AWS::Lambda::Permission resources decide, as in an account.
 * Source: API Gateway developer guide, "API Gateway permissions model for invoking an API's Lambda function".
 */
import type { LambdaPermissionModel } from '../template/index.ts';

function matches(pattern: string, value: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`).test(value);
}

/** `sourceArn` is `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<METHOD><resource path>`, or `.../authorizers/<id>`. */
export function mayInvoke(
  permissions: readonly LambdaPermissionModel[],
  functionArn: string,
  sourceArn: string,
): boolean {
  return permissions.some(
    (one) =>
      one.principal === 'apigateway.amazonaws.com' &&
      one.functionArn === functionArn &&
      one.action === 'lambda:InvokeFunction' &&
      (one.sourceArn === undefined || matches(one.sourceArn, sourceArn)),
  );
}
