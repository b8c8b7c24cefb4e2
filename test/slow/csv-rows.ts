/** Rows of any number, as CSV 95 MB a million: numbers, whole numbers, a category, a date, a flag and some gaps. */

const CITIES = ['Amsterdam', 'Bern', 'Copenhagen', 'Dublin', 'Edinburgh', 'Florence'];
const BLOCK_ROWS = 10_000;

const NAMES = ['id', 'area', 'rooms', 'price', 'distance', 'slope', 'city', 'built', 'garden'] as const;

/** The rows as CSV, or as JSON lines, a block of them at a time. */
export function* rowsAs(format: 'csv' | 'jsonl', rows: number): Generator<string> {
  const lineOf = format === 'csv' ? csvLine : jsonLine;
  if (format === 'csv') yield `${NAMES.join(',')}\n`;
  for (let begin = 0; begin < rows; begin += BLOCK_ROWS)
    yield Array.from({ length: Math.min(BLOCK_ROWS, rows - begin) }, (_, i) => lineOf(cellsOf(begin + i))).join('');
}

type Cell = string | number | boolean | null | undefined;

const csvLine = (cells: Cell[]): string => `${cells.join(',')}\n`;
const jsonLine = (cells: Cell[]): string =>
  `${JSON.stringify(Object.fromEntries(NAMES.map((name, i) => [name, cells[i]])))}\n`;

function cellsOf(row: number): Cell[] {
  const wave = Math.sin(row * 0.7548776662) * 1000;
  return [
    row,
    row % 97 === 0 ? null : Number((wave + 1500).toFixed(10)),
    (row * 7919) % 9,
    Number((wave * wave).toFixed(10)),
    Number((row / 3).toFixed(10)),
    Number((wave / 7).toExponential(12)),
    CITIES[(row * 31) % CITIES.length],
    new Date(Date.UTC(2000, 0, 1) + (row % 9000) * 86_400_000).toISOString().slice(0, 10),
    row % 3 === 0,
  ];
}
