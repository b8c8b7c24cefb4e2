/** Every case of the folder cases/: a file there exports a list `cases`. */
import { readdirSync } from 'node:fs';
import type { BenchCase } from './contract.ts';

const FOLDER = new URL('./cases/', import.meta.url);

export async function loadCases(): Promise<BenchCase[]> {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'));
  const modules = files.toSorted().map((file) => import(new URL(file, FOLDER).href) as Promise<{ cases: BenchCase[] }>);
  return (await Promise.all(modules)).flatMap(({ cases }) => cases);
}
