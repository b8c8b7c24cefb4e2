/** Attributions of a picture as a heat map: red speaks for the answer, blue against it; two rows of values a line, as half blocks. */

/** Plain characters, from most against to most for. */
const PLAIN = '@*-. +x#';

/** Values [height][width], or [height][width][channels], of which the channels are added up. */
export function gridOf(values: unknown): number[][] | undefined {
  if (!Array.isArray(values) || !values.every((row) => Array.isArray(row))) return undefined;
  const rows = (values as unknown[][]).map((row) => row.map(sum));
  return rows.every((row) => row.every(Number.isFinite)) ? rows : undefined;
}

/** @param hasColours false: a character a value, for terminals without 24-bit colours and for files */
export function heatMap(grid: readonly (readonly number[])[], hasColours: boolean): string[] {
  const largest = Math.max(...grid.flat().map(Math.abs), Number.MIN_VALUE);
  if (!hasColours) return grid.map((row) => row.map((value) => plain(value / largest)).join(''));
  const lines: string[] = [];
  for (let y = 0; y < grid.length; y += 2) {
    const cells = grid[y]!.map((value, x) => {
      const below = (grid[y + 1]?.[x] ?? 0) / largest;
      return `\u001b[38;2;${colour(value / largest)};48;2;${colour(below)}m▀`;
    });
    lines.push(`${cells.join('')}\u001b[0m`);
  }
  return lines;
}

/** White at 0, red at 1, blue at -1. */
function colour(value: number): string {
  const faded = Math.round(255 * (1 - Math.abs(value)));
  return value >= 0 ? `255;${faded};${faded}` : `${faded};${faded};255`;
}

function plain(value: number): string {
  if (Math.abs(value) < 0.1) return ' ';
  const strength = Math.min(2, Math.floor(Math.abs(value) * 3));
  return value > 0 ? PLAIN[5 + strength]! : PLAIN[2 - strength]!;
}

function sum(value: unknown): number {
  if (typeof value === 'number') return value;
  if (!Array.isArray(value)) return Number.NaN;
  return (value as unknown[]).reduce<number>((total, part) => total + sum(part), 0);
}
