/** AWS::ApiGateway::* of a stack -> REST API models. Source: AWS::ApiGateway::Method in the CloudFormation reference. */
import {
  asList,
  asObject,
  asString,
  isTrue,
  listOr,
  numberOr,
  objectOr,
  optionalNumber,
  optionalString,
  stringMap,
} from './json.ts';
import type { JsonObject } from './json.ts';
import { resourcesOf } from './functions.ts';
import type { ResolvedResource } from './functions.ts';
import type { StackResolver } from './intrinsics.ts';
import type {
  AuthorizerModel,
  GatewayResponseModel,
  IntegrationModel,
  MethodModel,
  MockResponse,
  RestApiModel,
} from './model.ts';

/** API Gateway's own limit for an integration, in ms. */
const MAX_INTEGRATION_TIMEOUT_MS = 29_000;
const LAMBDA_URI = /:lambda:path\/[\d-]+\/functions\/(.+)\/(response-streaming-)?invocations$/;

function functionArnOf(uri: string, where: string): string {
  const match = LAMBDA_URI.exec(uri);
  if (!match?.[1]) throw new Error(`${where}: expected the URI of a Lambda invocation, got ${uri}`);
  return match[1];
}

function authorizerOf({ properties, ref, where }: ResolvedResource): AuthorizerModel {
  const type = asString(properties.Type, `${where}.Type`);
  if (type !== 'REQUEST' && type !== 'TOKEN') throw new Error(`${where}: authorizers of type ${type} are not emulated`);
  return {
    authorizerId: ref,
    name: optionalString(properties.Name, where) ?? ref,
    type,
    functionArn: functionArnOf(asString(properties.AuthorizerUri, `${where}.AuthorizerUri`), where),
    identitySources: (optionalString(properties.IdentitySource, where) ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
    ttlS: numberOr(properties.AuthorizerResultTtlInSeconds, 300, where),
    identityValidation: optionalString(properties.IdentityValidationExpression, where),
  };
}

function unquoted(value: string): string {
  return value.replace(/^'(.*)'$/s, '$1');
}

function mockResponseOf(value: JsonObject, where: string): MockResponse {
  const headers: Record<string, string> = {};
  for (const [name, source] of Object.entries(stringMap(value.ResponseParameters, where))) {
    headers[name.replace('method.response.header.', '')] = unquoted(source);
  }
  return {
    statusCode: asString(value.StatusCode, `${where}.StatusCode`),
    selectionPattern: optionalString(value.SelectionPattern, where),
    headers,
    templates: stringMap(value.ResponseTemplates, where),
  };
}

function integrationOf(value: JsonObject, where: string): IntegrationModel {
  const type = asString(value.Type, `${where}.Type`);
  if (type === 'MOCK') {
    return {
      type,
      requestTemplates: stringMap(value.RequestTemplates, where),
      responses: listOr(value.IntegrationResponses, where).map((response) =>
        mockResponseOf(asObject(response, where), where),
      ),
    };
  }
  if (type !== 'AWS_PROXY')
    throw new Error(`${where}: integrations of type ${type} are not emulated (AWS_PROXY and MOCK are)`);
  const uri = asString(value.Uri, `${where}.Uri`);
  const isStreaming = value.ResponseTransferMode === 'STREAM';
  if (isStreaming !== uri.includes('response-streaming-invocations')) {
    throw new Error(
      `${where}: ResponseTransferMode ${isStreaming ? 'STREAM' : 'BUFFERED'} does not go with the URI ${uri}`,
    );
  }
  return {
    type,
    functionArn: functionArnOf(uri, where),
    requestParameters: stringMap(value.RequestParameters, `${where}.RequestParameters`),
    timeoutMs: numberOr(value.TimeoutInMillis, isStreaming ? 900_000 : MAX_INTEGRATION_TIMEOUT_MS, where),
    isStreaming,
  };
}

/** Resource id -> its path from the root, for one API. */
function resourcePaths(resolver: StackResolver, rootId: string): ReadonlyMap<string, string> {
  const parts = new Map<string, { parentId: string; part: string }>();
  for (const { properties, ref, where } of resourcesOf(resolver, 'AWS::ApiGateway::Resource')) {
    parts.set(ref, { parentId: asString(properties.ParentId, where), part: asString(properties.PathPart, where) });
  }
  const paths = new Map<string, string>([[rootId, '/']]);
  const pathOf = (id: string): string | undefined => {
    const known = paths.get(id);
    const own = parts.get(id);
    if (known !== undefined || own === undefined) return known;
    const parent = pathOf(own.parentId);
    if (parent === undefined) return undefined;
    const path = `${parent === '/' ? '' : parent}/${own.part}`;
    paths.set(id, path);
    return path;
  };
  for (const id of parts.keys()) pathOf(id);
  return paths;
}

function gatewayResponseOf({ properties, where }: ResolvedResource): GatewayResponseModel {
  const headers: Record<string, string> = {};
  for (const [name, source] of Object.entries(stringMap(properties.ResponseParameters, where))) {
    headers[name.replace('gatewayresponse.header.', '')] = source;
  }
  return {
    responseType: asString(properties.ResponseType, `${where}.ResponseType`),
    statusCode: optionalNumber(properties.StatusCode, where),
    headers,
    templates: stringMap(properties.ResponseTemplates, where),
  };
}

function methodsOf(resolver: StackResolver, apiId: string, rootId: string): readonly MethodModel[] {
  const paths = resourcePaths(resolver, rootId);
  const authorizers = new Map(resourcesOf(resolver, 'AWS::ApiGateway::Authorizer').map((entry) => [entry.ref, entry]));
  const validators = new Map(
    resourcesOf(resolver, 'AWS::ApiGateway::RequestValidator').map((entry) => [
      entry.ref,
      isTrue(entry.properties.ValidateRequestParameters),
    ]),
  );
  return resourcesOf(resolver, 'AWS::ApiGateway::Method')
    .filter(({ properties }) => properties.RestApiId === apiId)
    .map(({ properties, where }) => {
      const resourceId = asString(properties.ResourceId, `${where}.ResourceId`);
      const resourcePath = paths.get(resourceId);
      if (resourcePath === undefined) throw new Error(`${where}: its resource is not under the root of its API`);
      const authorizerId = optionalString(properties.AuthorizerId, where);
      const authorizer = authorizerId === undefined ? undefined : authorizers.get(authorizerId);
      const authorizationType = optionalString(properties.AuthorizationType, where) ?? 'NONE';
      if (authorizationType !== 'NONE' && authorizationType !== 'CUSTOM')
        throw new Error(`${where}: AuthorizationType ${authorizationType} is not emulated (NONE and CUSTOM are)`);
      if (authorizationType === 'CUSTOM' && !authorizer)
        throw new Error(`${where}: AuthorizationType CUSTOM without an authorizer of this stack`);
      const isValidated = validators.get(optionalString(properties.RequestValidatorId, where) ?? '') === true;
      const parameters = Object.entries(objectOr(properties.RequestParameters, where));
      return {
        resourcePath,
        resourceId,
        httpMethod: asString(properties.HttpMethod, `${where}.HttpMethod`),
        authorizationType,
        authorizer: authorizer && authorizationType === 'CUSTOM' ? authorizerOf(authorizer) : undefined,
        requiredParameters: isValidated
          ? parameters.filter(([, required]) => isTrue(required)).map(([name]) => name)
          : [],
        integration: integrationOf(asObject(properties.Integration, `${where}.Integration`), `${where}.Integration`),
      };
    });
}

/** Every REST API of the stack that has a stage. */
export function readRestApis(resolver: StackResolver): readonly RestApiModel[] {
  const stages = resourcesOf(resolver, 'AWS::ApiGateway::Stage');
  return resourcesOf(resolver, 'AWS::ApiGateway::RestApi').map(({ resource, properties, ref: apiId, where }) => {
    const stage = stages.find((entry) => entry.properties.RestApiId === apiId);
    const rootId = asString(resolver.attribute(resource.logicalId, 'RootResourceId', where), where);
    if (properties.Body !== undefined || properties.BodyS3Location !== undefined)
      throw new Error(`${where}: an API given as an OpenAPI body is not emulated`);
    return {
      stackName: resolver.stack.name,
      logicalId: resource.logicalId,
      apiId,
      name: optionalString(properties.Name, where) ?? apiId,
      stageName: stage?.ref ?? 'local',
      stageVariables: stringMap(stage?.properties.Variables, `${where}: stage variables`),
      binaryMediaTypes:
        properties.BinaryMediaTypes === undefined
          ? []
          : asList(properties.BinaryMediaTypes, where).map((type) => asString(type, where)),
      methods: methodsOf(resolver, apiId, rootId),
      gatewayResponses: resourcesOf(resolver, 'AWS::ApiGateway::GatewayResponse')
        .filter((entry) => entry.properties.RestApiId === apiId)
        .map(gatewayResponseOf),
    };
  });
}
