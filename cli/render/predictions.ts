/** Predictions for people: by their shape, one line each, or a bar for each of the likeliest labels where there is one alone. */
import { bar } from './bars.ts';
import { number } from './table.ts';

interface Labelled {
  readonly label: string | number | boolean;
  readonly probabilities?: Readonly<Record<string, number>>;
}

const LABELS = 5;

export function predictionLines(predictions: readonly unknown[]): string[] {
  const [only] = predictions;
  if (predictions.length === 1 && isLabelled(only)) return [String(only.label), ...probabilityBars(only)];
  return predictions.map(predictionWords);
}

function predictionWords(prediction: unknown): string {
  if (typeof prediction === 'number') return number(prediction);
  if (typeof prediction === 'string') return prediction;
  if (isLabelled(prediction)) {
    const probability = prediction.probabilities?.[String(prediction.label)];
    return `${String(prediction.label)}${probability === undefined ? '' : `  ${probability.toFixed(4)}`}`;
  }
  const { text } = Object(prediction) as { text?: unknown };
  return typeof text === 'string' ? text : JSON.stringify(prediction);
}

function probabilityBars({ probabilities = {} }: Labelled): string[] {
  const likeliest = Object.entries(probabilities)
    .sort(([, a], [, b]) => b - a)
    .slice(0, LABELS);
  const width = Math.max(0, ...likeliest.map(([label]) => label.length));
  return likeliest.map(([label, p]) => `  ${label.padEnd(width)}  ${p.toFixed(4)}  ${bar(p)}`);
}

function isLabelled(value: unknown): value is Labelled {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'label');
}
