/** Reads a policy before it is used: what would be misread is refused or told, not passed over. */
import { CONDITION_OPERATORS, parseOperator } from './condition.ts';
import { listOf } from './policy.ts';
import type { PolicyDocument } from './policy.ts';

/** Condition keys that requests carry here, lower case; `*` ends a family. */
const KNOWN_KEYS = [
  'aws:currenttime',
  'aws:epochtime',
  'aws:principalaccount',
  'aws:principalarn',
  'aws:principaltag/*',
  'aws:principaltype',
  'aws:requestedregion',
  'aws:requesttag/*',
  'aws:resourceaccount',
  'aws:securetransport',
  'aws:sourceip',
  'aws:tagkeys',
  'aws:tokenissuetime',
  'aws:useragent',
  'aws:viaawsservice',
  'dynamodb:leadingkeys',
  'dynamodb:returnvalues',
  'dynamodb:select',
  's3:delimiter',
  's3:if-match',
  's3:if-none-match',
  's3:max-keys',
  's3:prefix',
  's3:tlsversion',
  's3:x-amz-*',
  'sts:externalid',
  'sts:rolesessionname',
  'sts:transitivetagkeys',
];
/** Carried by requests of AWS services only, such as S3's own log delivery: nobody here is one. */
const SERVICE_KEYS = ['aws:sourceaccount', 'aws:sourcearn', 'aws:sourceorgid', 'aws:sourceorgpaths'];
/** Only these services' requests are evaluated here; other keys (kms:ViaService) belong to calls that nobody makes. */
const CHECKED_PREFIXES = ['aws:', 'dynamodb:', 's3:', 'sts:'];

/** Throws for an operator that is not known; gives the condition keys that no request here carries. */
export function checkPolicy(policy: PolicyDocument, where: string): readonly string[] {
  const blocks = listOf(policy.Statement).flatMap((statement) => Object.entries(statement.Condition ?? {}));
  for (const [operator] of blocks) {
    try {
      parseOperator(operator);
    } catch (cause) {
      const known = Object.keys(CONDITION_OPERATORS).join(', ');
      throw new TypeError(`${where}: the condition operator ${operator} is not known; known are Null, ${known}`, {
        cause,
      });
    }
  }
  return [...new Set(blocks.flatMap(([, keys]) => Object.keys(keys).filter(isUnknown)))];
}

function isUnknown(key: string): boolean {
  const name = key.toLowerCase();
  if (!CHECKED_PREFIXES.some((prefix) => name.startsWith(prefix))) return false;
  return ![...KNOWN_KEYS, ...SERVICE_KEYS].some((known) =>
    known.endsWith('*') ? name.startsWith(known.slice(0, -1)) : name === known,
  );
}
