/** Bars of one line: probabilities from the left, attributions from the middle. */
import pc from 'picocolors';
import { number } from './table.ts';

const WIDTH = 40;
/** Eighths of a block. */
const PARTS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** @param fraction 0 to 1 of the width */
export function bar(fraction: number, width = WIDTH): string {
  const eighths = Math.round(Math.min(Math.max(fraction, 0), 1) * width * 8);
  return '█'.repeat(eighths >> 3) + PARTS[eighths & 7]!;
}

/** The largest first: what speaks for the answer in red to the right, against it in blue to the left. */
export function attributionBars(attributions: Readonly<Record<string, number>>): string[] {
  const rows = Object.entries(attributions).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  const largest = Math.max(...rows.map(([, value]) => Math.abs(value)), Number.MIN_VALUE);
  const names = Math.max(0, ...rows.map(([name]) => name.length));
  const half = WIDTH / 2;
  return rows.map(([name, value]) => {
    const blocks = Math.round((Math.abs(value) / largest) * half);
    const left = (value < 0 ? '█'.repeat(blocks) : '').padStart(half);
    const right = (value > 0 ? '█'.repeat(blocks) : '').padEnd(half);
    return `${name.padEnd(names)}  ${pc.blue(left)}│${pc.red(right)}  ${value > 0 ? '+' : ''}${number(value)}`;
  });
}
