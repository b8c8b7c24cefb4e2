/** Which version of a split a call gets: by chance, or with `sticky` always the same one for the same user. */
import { createHash } from 'node:crypto';
import type { AliasTarget } from '../resources/alias.ts';

/** @param by what the choice hangs on: the alias, so that two experiments do not split users alike, and the user */
export function chooseVersion(target: AliasTarget, by: { alias: string; user?: string | undefined }): number {
  if (typeof target === 'number') return target;
  const { split, sticky } = target;
  const point = sticky === undefined || by.user === undefined ? Math.random() : pointOf(`${by.alias}\0${by.user}`);
  let left = point * split.reduce((sum, { weight }) => sum + weight, 0);
  for (const { version, weight } of split) {
    left -= weight;
    if (left < 0) return version;
  }
  return split.at(-1)!.version;
}

/** A text as an evenly spread number of [0, 1): 48 bits of its SHA-256. */
function pointOf(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48;
}
