/**
 * Renders a gateway error as the API customised it (AWS::ApiGateway::GatewayResponse), or in the default form
 * `{"message": ...}`. Templates know simple `$context` variables only, as on API Gateway.
 * Source: API Gateway developer guide, "Gateway responses in API Gateway".
 */
import type { GatewayResponseModel } from '../template/index.ts';
import { RESPONSE_TYPES } from './gateway-error.ts';
import type { GatewayError } from './gateway-error.ts';
import type { RequestFacts } from './proxy-event.ts';

export interface RenderedError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Values of `context.<name>` that gateway responses may use. */
function contextValue(name: string, error: GatewayError, facts: RequestFacts): string {
  const values: Readonly<Record<string, string>> = {
    'error.message': error.message,
    'error.messageString': JSON.stringify(error.message),
    'error.responseType': error.responseType,
    requestId: facts.requestId,
    extendedRequestId: facts.extendedRequestId,
    apiId: facts.apiId,
    accountId: facts.accountId,
    stage: facts.stage,
    httpMethod: facts.httpMethod,
    path: facts.contextPath,
    requestTimeEpoch: String(facts.timeMs),
    'identity.sourceIp': facts.sourceIp,
    'identity.userAgent': facts.userAgent ?? '',
  };
  const own = name.startsWith('authorizer.') ? error.authorizer[name.slice('authorizer.'.length)] : values[name];
  return own ?? '';
}

function render(template: string, error: GatewayError, facts: RequestFacts): string {
  return template.replace(/\$\{?context\.([A-Za-z0-9_.-]*[A-Za-z0-9_-])\}?/g, (_match, name: string) =>
    contextValue(name, error, facts),
  );
}

function headerValue(source: string, error: GatewayError, facts: RequestFacts): string {
  if (source.startsWith("'") && source.endsWith("'")) return source.slice(1, -1);
  if (source.startsWith('context.')) return contextValue(source.slice('context.'.length), error, facts);
  const name = /^method\.request\.header\.(.+)$/.exec(source)?.[1];
  return name === undefined ? source : (facts.header(name) ?? '');
}

/** The answer for `error`, from the most specific customisation there is. */
export function renderGatewayError(
  error: GatewayError,
  customised: readonly GatewayResponseModel[],
  facts: RequestFacts,
): RenderedError {
  const [defaultStatus, general] = RESPONSE_TYPES[error.responseType];
  const specific = customised.find((one) => one.responseType === error.responseType);
  const fallback = customised.find((one) => one.responseType === general);
  const model = specific ?? fallback;
  const template = Object.entries(model?.templates ?? {})[0];
  const headers = {
    'Content-Type': template?.[0] ?? 'application/json',
    'x-amzn-RequestId': facts.requestId,
    'x-amz-apigw-id': facts.extendedRequestId,
    'x-amzn-ErrorType': errorTypeHeader(error),
  };
  const own = Object.entries(model?.headers ?? {}).map(
    ([name, source]) => [name, headerValue(source, error, facts)] as const,
  );
  return {
    status: specific?.statusCode ?? fallback?.statusCode ?? defaultStatus,
    headers: { ...withoutNames(headers, Object.keys(model?.headers ?? {})), ...Object.fromEntries(own) },
    body: template ? render(template[1], error, facts) : JSON.stringify({ message: error.message }),
  };
}

/** Headers but those of the names, whatever their case. */
function withoutNames(headers: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  const others = new Set(names.map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !others.has(name.toLowerCase())));
}

function errorTypeHeader({ responseType }: GatewayError): string {
  const words = responseType.toLowerCase().split('_');
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Exception`;
}
