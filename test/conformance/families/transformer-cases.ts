/** The trainings of `attention` that the conformance suite runs it through: texts, sequences, a series, and sentences to write on. */
import type { Column, Table } from '../../../shared/data/table.ts';
import type { Task } from '../../../shared/families/contract.ts';
import { Random } from '../../../shared/tensor/random.ts';
import type { FamilyCase } from './family-case.ts';
import { pulseTable, seriesTable } from './sequence-cases.ts';

const FILLERS = ['the', 'film', 'was', 'a', 'plot', 'and', 'really', 'It', 'then'];
const OPINIONS = ['good', 'great', 'fine', 'bad', 'awful', 'dull'];

/** Texts of two to ten words, of which one says what y is; every thirteenth is missing, and its y too is drawn. */
function reviewTable(rows: number): Table {
  const random = Random.fromSeed(11);
  const isGood = new Uint8Array(rows);
  const values = Array.from({ length: rows }, (_, row) => {
    const opinion = random.nextBelow(OPINIONS.length);
    isGood[row] = opinion < OPINIONS.length / 2 ? 1 : 0;
    const words = Array.from({ length: 1 + random.nextBelow(9) }, () => FILLERS[random.nextBelow(FILLERS.length)]!);
    words.splice(random.nextBelow(words.length + 1), 0, OPINIONS[opinion]!);
    return row % 13 === 12 ? null : words.join(row % 5 === 0 ? '  ' : ' ');
  });
  const columns: Column[] = [
    { name: 'review', type: 'text', values },
    { name: 'y', type: 'boolean', values: isGood },
  ];
  return { rows, columns };
}

/** A sentence a row, of few words in one order. */
function sentenceTable(rows: number): Table {
  const random = Random.fromSeed(12);
  const one = (...words: string[]): string => words[random.nextBelow(words.length)]!;
  const values = Array.from(
    { length: rows },
    () => `the ${one('cat', 'dog', 'bird')} ${one('sees', 'hears')} the ${one('house', 'tree')}`,
  );
  return { rows, columns: [{ name: 'text', type: 'text', values }] };
}

const training = { optimizer: { adam: { learning_rate: 0.01 } }, epochs: 8, batch_size: 16 };

function transformer(
  task: Task,
  table: FamilyCase['table'],
  params: Record<string, unknown>,
  rest: Partial<FamilyCase['spec']> = {},
): FamilyCase {
  const target = task === 'language_modelling' ? {} : { target: 'y' };
  return {
    family: 'attention',
    task,
    spec: { family: 'attention', task, ...target, params: { ...training, ...params }, seed: 3, ...rest },
    table,
    takesColumns: false,
  };
}

const preprocessing = { standardize: 'auto', missing: 'mean', categories: 'one_hot' } as const;
const small = { blocks: 1, d_model: 8, num_heads: 2 };

export const TRANSFORMER_CASES: readonly FamilyCase[] = [
  transformer('classification', reviewTable, { ...small, dropout: 0.1 }),
  transformer(
    'classification',
    reviewTable,
    {
      layers: [
        { embedding: { output_dim: 8 } },
        'positional_encoding',
        { transformer_encoder: { num_heads: 2, ff_dim: 16, norm: 'post' } },
        'global_average_pooling1d',
        { dropout: { rate: 0.1 } },
        { dense: { units: 2, activation: 'softmax' } },
      ],
      early_stopping: { patience: 4 },
      epochs: 12,
    },
    { preprocessing: { ...preprocessing, text: { tokens: 'word', max_tokens: 16, lowercase: false } } },
  ),
  transformer('regression', (rows) => pulseTable('regression', rows), {
    layers: [
      { dense: { units: 8 } },
      { positional_encoding: { type: 'learned' } },
      { multi_head_attention: { num_heads: 2, key_dim: 3, dropout: 0.05 } },
      'layer_normalization',
      { activation: 'tanh' },
      'flatten',
      { dense: { units: 1 } },
    ],
  }),
  transformer('forecasting', seriesTable, { ...small, window: 12, horizon: 3, epochs: 12 }),
  transformer('language_modelling', sentenceTable, { ...small, d_model: 16, window: 16, epochs: 6 }),
];
