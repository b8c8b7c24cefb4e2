/** A model card for people: the JSON card as Markdown. */
import type { ModelCard } from '../../resources/model.ts';

export function cardMarkdown(card: ModelCard): string {
  const { data, file } = card;
  return [
    `# ${card.name}, version ${card.version}`,
    `A \`${card.family}\` for ${card.task}, published ${new Date(card.created_at * 1000).toISOString()}.`,
    '## Data',
    `${data.rows} rows of the dataset ${data.name} (\`${data.dataset}\`, SHA-256 \`${data.sha256}\`)${data.target === undefined ? '' : `, target \`${data.target}\``}.`,
    table(
      ['feature', 'type', 'shape'],
      data.features.map(({ name, type, shape }) => [name, type, shape?.join(' x ') ?? '']),
    ),
    ...(data.classes === undefined ? [] : [`Classes: ${data.classes.map((label) => `\`${label}\``).join(', ')}.`]),
    '## Metrics',
    metricsTable(card.metrics),
    '## Limits',
    card.limits.map((limit) => `- ${limit}`).join('\n'),
    ...(card.overview === undefined ? [] : overviewParts(card.overview)),
    ...(card.fairness === undefined ? [] : fairnessParts(card.fairness)),
    '## The file',
    `One ONNX file of ${file.bytes} bytes, SHA-256 \`${file.sha256}\`. Its predictions differ from the trainer's by at most ${file.max_difference_to_trainer}.`,
    '## How to make it again',
    `\`POST /v1/jobs\` with this body gives the same bytes on ${card.reproduce.threads} thread${card.reproduce.threads === 1 ? '' : 's'}:`,
    `\`\`\`json\n${JSON.stringify(card.reproduce.job, null, 2)}\n\`\`\``,
    '',
  ].join('\n\n');
}

const figure = (value: number): string => String(Number(value.toPrecision(4)));

/** Features or patches that are shown; the JSON has all. */
const MOST_IMPORTANT = 10;

function overviewParts({
  rows,
  importance,
  measure,
  confusion,
  worst_rows: worst,
  left_out: left,
}: NonNullable<ModelCard['overview']>): string[] {
  return [
    `## Over ${rows.count} ${rows.from} rows`,
    ...(importance === undefined || importance.length === 0
      ? []
      : [
          `How much ${measure ?? 'the measure'} falls when a feature, or a patch, is shuffled, with its 95 % interval, the most important first:`,
          table(
            ['feature', 'loss', '95 %'],
            importance
              .slice(0, MOST_IMPORTANT)
              .map(({ feature, mean, low, high }) => [feature, figure(mean), `${figure(low)} to ${figure(high)}`]),
          ),
        ]),
    ...(confusion === undefined
      ? []
      : [
          'Labels (rows) and what was predicted for them (columns):',
          table(
            ['', ...confusion.labels.map(String)],
            confusion.labels.map((label, k) => [String(label), ...confusion.counts[k]!.map(String)]),
          ),
        ]),
    ...(worst === undefined || worst.length === 0
      ? []
      : [
          `Furthest from their label: ${worst.map(({ row, step, label, predicted }) => `row ${row}${step === undefined ? '' : ` step ${step}`} (${label}, predicted ${predicted})`).join(', ')}.`,
        ]),
    ...(left.length === 0 ? [] : [`Left out: ${left.join(', ')}.`]),
  ];
}

function fairnessParts({ column, facet, favorable, ...parts }: NonNullable<ModelCard['fairness']>): string[] {
  const cell = (value: number | string | null): string =>
    typeof value === 'number' ? figure(value) : (value ?? 'undefined');
  return [
    '## Fairness',
    `Rows with \`${column}\` = \`${facet}\` beside all others; \`${favorable}\` is the favorable label. Measures are named as by Amazon SageMaker Clarify.`,
    ...[parts.before_training, parts.after_training].map((measures) =>
      table(Object.keys(measures), [Object.values(measures).map(cell)]),
    ),
  ];
}

function metricsTable({ train, validation }: ModelCard['metrics']): string {
  const names = [...new Set([...Object.keys(train), ...Object.keys(validation)])];
  const cell = (value: number | undefined): string => (value === undefined ? '' : String(Number(value.toPrecision(6))));
  return table(
    ['metric', 'training rows', 'validation rows'],
    names.map((name) => [name, cell(train[name]), cell(validation[name])]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
