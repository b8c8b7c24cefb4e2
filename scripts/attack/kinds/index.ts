/** Every kind of attack. A new one is a file here and a line below. */
import type { AttackKind } from '../attempt.ts';
import { hostileQueries, swappedCursors } from './cursors.ts';
import { hostileData } from './data.ts';
import { forgedHeaders } from './headers.ts';
import { othersIdempotencyKeys } from './idempotency.ts';
import { guessedIds, othersIds, othersIdsInBodies } from './ids.ts';
import { twistedJson } from './json.ts';
import { deadKeys, forgedKeys, noKey } from './keys.ts';
import { otherMethods, pathTricks } from './paths.ts';
import { swappedUrls } from './presigned.ts';
import { gzipBombs, oversizeBodies } from './sizes.ts';
import { smuggling } from './smuggling.ts';
import { hostileValues, urlsInFields } from './values.ts';

export const ATTACK_KINDS: readonly AttackKind[] = [
  othersIds,
  guessedIds,
  pathTricks,
  otherMethods,
  forgedHeaders,
  swappedCursors,
  hostileQueries,
  swappedUrls,
  othersIdempotencyKeys,
  noKey,
  forgedKeys,
  deadKeys,
  smuggling,
  twistedJson,
  hostileValues,
  urlsInFields,
  hostileData,
  oversizeBodies,
  gzipBombs,
  othersIdsInBodies,
];
