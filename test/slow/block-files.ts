/** Files of rows several times as large as what memory is to hold of them, sorted by class as the worst case is. */
import { open } from 'node:fs/promises';
import { Random } from '../../shared/tensor/random.ts';
import { mnist } from '../fixtures/data-sets.ts';

const PIXELS = 28 * 28;
/** Each of the digits so often: 600,000 of them, 471 MB as stored and as much again encoded. */
const TIMES = 75;

/** All images, in the order of their classes, then all labels. */
export async function writeDigits(path: string): Promise<void> {
  const { columns, rows } = mnist().train;
  const [pictures, labels] = columns;
  const pixels = pictures!.values as Uint8Array;
  const classes = Map.groupBy(
    Array.from({ length: rows }, (_, row) => row),
    (row) => Number(labels!.values[row]),
  );
  const file = await open(path, 'w');
  for (const members of classes.values()) {
    const images = members.map((row) => pixels.subarray(row * PIXELS, (row + 1) * PIXELS));
    for (let time = 0; time < TIMES; time++) await file.write(Buffer.concat(images));
  }
  for (const [label, { length }] of classes) await file.write(Buffer.alloc(TIMES * length, label));
  await file.close();
}

const WIDTH = 48;
const GROUPS = 3;
/** 470 MB as stored, and as much again encoded. */
const ROWS = 1_200_000;
/** Deviation of the groups' centres, in units of that within a group: they overlap. */
const APART = 0.25;

export const COLUMNS: readonly string[] = [...Array.from({ length: WIDTH }, (_, j) => `x${j}`), 'group'];

/** Rows of overlapping groups, group by group: column after column, the last the group. */
export async function writeGroups(path: string): Promise<void> {
  const random = Random.fromSeed(5);
  const groupOf = (row: number): number => Math.floor((row * GROUPS) / ROWS);
  const file = await open(path, 'w');
  for (let j = 0; j < WIDTH; j++) {
    const centres = random.normal(GROUPS);
    const noise = random.normal(ROWS);
    await file.write(Float64Array.from(noise, (value, row) => value + APART * centres[groupOf(row)]!));
  }
  await file.write(Float64Array.from({ length: ROWS }, (_, row) => groupOf(row)));
  await file.close();
}
