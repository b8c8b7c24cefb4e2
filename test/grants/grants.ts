/**
 * The rights of the synthesized templates, one by one: each action that a statement of a role allows. Only rights to services
 * that the local cloud serves are evaluated there; those to logs, traces and keys are not.
 */
import type { LocalCloud } from '../../harness/index.ts';

const PATIENCE_MS = 90_000;
const SERVED = ['s3:', 'dynamodb:', 'lambda:', 'sts:'];

type Role = NonNullable<ReturnType<LocalCloud['roles']['role']>>;
type Policies = Role['policies'];
type Statement = Extract<Policies[number]['Statement'], { Effect: string }>;

export interface Grant {
  readonly role: string;
  readonly statement: Statement;
  readonly action: string;
  /** For people: role, action and what on. */
  readonly title: string;
}

const listOf = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : ([value].flat() as readonly T[]);

/** Every grant of every role that Lambda or a function takes. */
export function grantsOf({ model, roles }: LocalCloud): Grant[] {
  return model.roles.flatMap(({ arn, roleName }) =>
    roles.role(arn)!.policies.flatMap((policy) =>
      listOf(policy.Statement).flatMap((statement) =>
        statement.Effect === 'Deny'
          ? []
          : listOf(statement.Action)
              .filter((action) => SERVED.some((service) => action.startsWith(service)))
              .map((action) => ({
                ...{ role: arn, statement, action },
                title: `${roleName}: ${action} on ${listOf(statement.Resource).join(', ')}`,
              })),
      ),
    ),
  );
}

/**
 * Takes one grant away, also from sessions that run. The right to take a role stands in two places of one account, each of which
 * suffices: in the policy of who takes it, and in the trust policy that names them. It is taken from both.
 * @returns what gives it back
 */
export function takeAway({ roles }: LocalCloud, { role, statement, action }: Grant): () => void {
  const { policies } = roles.role(role)!;
  roles.setPolicies(role, { policies: policies.map((policy) => without(policy, action, (one) => one === statement)) });
  const named = (one: Statement): boolean => namedBy(one).includes(role);
  const taken = action.startsWith('sts:') ? listOf(statement.Resource) : [];
  const trusts = taken.map((arn) => ({ arn, trustPolicy: roles.role(arn)!.trustPolicy }));
  for (const { arn, trustPolicy } of trusts)
    roles.setPolicies(arn, { trustPolicy: without(trustPolicy, action, named, role) });
  return () => {
    roles.setPolicies(role, { policies });
    for (const { arn, trustPolicy } of trusts) roles.setPolicies(arn, { trustPolicy });
  };
}

/** The policy without one action of a statement; of a trust policy, without it for one of those that it names. */
function without(
  policy: Policies[number],
  action: string,
  isIt: (statement: Statement) => boolean,
  role?: string,
): Policies[number] {
  const parts = (one: Statement): Statement[] => {
    if (!isIt(one)) return [one];
    const actions = listOf(one.Action).filter((other) => other !== action);
    const others = namedBy(one).filter((other) => other !== role);
    return [
      ...(actions.length === 0 ? [] : [{ ...one, Action: actions }]),
      ...(others.length === 0 ? [] : [{ ...one, Action: action, Principal: { AWS: others } }]),
    ];
  };
  return { ...policy, Statement: listOf(policy.Statement).flatMap(parts) };
}

/** Whom a statement of a trust policy names. */
function namedBy({ Principal: principal }: Statement): readonly string[] {
  return typeof principal === 'object' ? listOf(principal['AWS']) : [];
}

/** Grants that allowed something while `run` ran. */
export async function usedGrants(cloud: LocalCloud, run: () => Promise<void>): Promise<Set<string>> {
  const used = new Set<string>();
  const all = grantsOf(cloud);
  cloud.roles.onDecision = ({ role, grants }) => {
    for (const { statement, action } of grants)
      for (const one of all)
        if (one.role === role.arn && one.statement === statement && one.action === action) used.add(one.title);
  };
  try {
    await run();
  } finally {
    cloud.roles.onDecision = undefined;
  }
  return used;
}

/** The first refusal of the grant's action to its role while `run` runs, or undefined when it ended without one. */
export async function refusalWithout(
  cloud: LocalCloud,
  grant: Grant,
  run: () => Promise<void>,
): Promise<string | undefined> {
  const giveBack = takeAway(cloud, grant);
  let refused: (because: string) => void = () => undefined;
  const refusal = new Promise<string>((resolve) => (refused = resolve));
  cloud.roles.onDecision = ({ role, permission, decision }) => {
    const isIt = role.arn === grant.role && permission.action === grant.action;
    if (isIt && !decision.allowed) refused(decision.because);
  };
  // The journey may go on without an end when a right is missing; it is not waited for.
  const journey = run().then(
    () => undefined,
    () => undefined,
  );
  // A journey that waits for what will not come has not been refused either.
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, undefined)));
  try {
    return await Promise.race([refusal, journey, patience]);
  } finally {
    clearTimeout(timer);
    cloud.roles.onDecision = undefined;
    giveBack();
  }
}
