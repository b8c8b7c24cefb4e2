/** The STS service: AssumeRole and GetCallerIdentity over the query protocol. */
import { AwsError } from '../service.ts';
import { xmlDocument } from '../xml.ts';
import { roleIdOf } from '../credentials.ts';
import { assumeRole } from './assume-role.ts';
import type { StsParts } from './assume-role.ts';
import type { AwsService, Permission, Principal, ServiceRequest } from '../service.ts';
import type { XmlObject } from '../xml.ts';
import type { ServerResponse } from 'node:http';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

type Action = (
  parts: StsParts & { region: string },
  caller: Principal,
  request: { form: URLSearchParams; http: ServiceRequest['http'] },
) => XmlObject;

/** Action -> its result element. */
const ACTIONS: Readonly<Record<string, Action>> = {
  AssumeRole(parts, caller, { form, http }) {
    const facts = {
      region: parts.region,
      nowMs: parts.now(),
      sourceIp: http.socket.remoteAddress,
      userAgent: http.headers['user-agent'],
    };
    const { credentials, arn, assumedRoleId } = assumeRole(parts, caller, facts, form);
    return {
      Credentials: {
        AccessKeyId: credentials.accessKeyId,
        SecretAccessKey: credentials.secretAccessKey,
        SessionToken: credentials.sessionToken,
        Expiration: new Date(credentials.expiresAtEpochS * 1000).toISOString(),
      },
      AssumedRoleUser: { AssumedRoleId: assumedRoleId, Arn: arn },
    };
  },
  GetCallerIdentity(_parts, caller) {
    const sessionName = caller.arn.split('/').at(-1) ?? '';
    const userId = caller.roleArn === undefined ? caller.accessKeyId : `${roleIdOf(caller.roleArn)}:${sessionName}`;
    return { UserId: userId, Account: caller.accountId, Arn: caller.arn };
  },
};

export class StsService implements AwsService {
  readonly name = 'sts';
  readonly protocol = 'query';
  readonly #parts: StsParts & { region: string };

  constructor(parts: StsParts & { region: string }) {
    this.#parts = parts;
  }

  /** AssumeRole is decided by the role's trust policy, within the action; GetCallerIdentity needs no permission. */
  async permissions(): Promise<readonly Permission[]> {
    return [];
  }

  async handle(request: ServiceRequest, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams((await request.body()).toString());
    const name = form.get('Action') ?? '';
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (action === undefined) {
      throw new AwsError(
        400,
        'InvalidAction',
        `The local STS does not implement the action '${name}'; it has ${Object.keys(ACTIONS).join(' and ')}.`,
      );
    }
    const result = action(this.#parts, request.principal!, { form, http: request.http });
    const document = xmlDocument(
      `${name}Response`,
      { [`${name}Result`]: result, ResponseMetadata: { RequestId: request.requestId } },
      NAMESPACE,
    );
    response.writeHead(200, { 'content-type': 'text/xml', 'content-length': String(Buffer.byteLength(document)) });
    response.end(document);
  }
}
