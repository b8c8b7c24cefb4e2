/** tenon explain: why a model answers as it does, as bars by feature, or as a heat map of a picture. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import pc from 'picocolors';
import { UsageError } from '../errors.ts';
import { attributionBars } from '../render/bars.ts';
import { gridOf, heatMap } from '../render/heat-map.ts';
import { number } from '../render/table.ts';
import type { Explanation } from '../resources.ts';
import { numeric, sessionOf } from '../session.ts';
import { answer } from '../terminal.ts';
import { instancesFor, jsonOrText, withInput } from './predict.ts';
import type { InputOptions } from './predict.ts';

interface ExplainOptions extends InputOptions {
  readonly method?: string;
  readonly target?: string;
  readonly step?: number;
  readonly allowed?: string[];
  readonly immovable?: string[];
  readonly baseline?: string;
  readonly seed?: number;
  readonly maxSeconds?: number;
  readonly picture?: string;
}

export function addExplain(program: Command): void {
  withInput(program.command('explain <model> [files...]'))
    .description('explain predictions: what speaks for the answer, and what against it')
    .option('--method <method>', 'auto, linear_shap, exact_shap, kernel_shap, integrated_gradients, grad_cam, ...')
    .option('--target <label>', 'the class to explain; by default the predicted one')
    .option('--step <n>', 'of a prediction for every step: which, from 1; by default the last', numeric)
    .option('--allowed <columns...>', 'of a counterfactual: what may change')
    .option('--immovable <columns...>', 'of a counterfactual: what may not')
    .option('--baseline <what>', 'of integrated_gradients: zeros, mean, padding or an instance')
    .option('--seed <n>', 'of everything random', numeric)
    .option('--max-seconds <n>', 'how long it may take', numeric)
    .option('--picture <file>', 'the first one as a picture, .png or .svg')
    .action(async (ref: string, files: string[], options: ExplainOptions, command: Command) => {
      const { api, output } = sessionOf(command);
      const { method, target, step, allowed, immovable, baseline, seed, maxSeconds, picture } = options;
      const body = {
        instances: await instancesFor(api, ref, files, options),
        method,
        target: target === undefined ? undefined : jsonOrText(target),
        step,
        allowed,
        immovable,
        baseline: baseline === undefined ? undefined : jsonOrText(baseline),
        seed,
        max_seconds: maxSeconds,
      };
      if (picture !== undefined) {
        const headers = { accept: pictureType(picture) };
        const response = await api.send('explain', { params: { ref }, body, headers });
        writeFileSync(picture, Buffer.from(await response.arrayBuffer()));
        answer({ picture }, output, () => [picture]);
        return;
      }
      const answered = await api.call<{ explanations: Explanation[] }>('explain', { params: { ref }, body });
      answer(answered, output, () =>
        answered.explanations.flatMap((row) => [...explanationLines(row), '']).slice(0, -1),
      );
    });
}

export function explanationLines(row: Explanation, hasColours = pc.isColorSupported): string[] {
  const { method, target, explains, output, base_value: base, completeness, note, counterfactual } = row;
  const from = base === undefined ? '' : `, from ${number(base)} on average`;
  if (counterfactual !== undefined) {
    const changes = Object.entries(counterfactual.changes).map(
      ([name, { from: before, to }]) => `  ${name}: ${JSON.stringify(before)} -> ${JSON.stringify(to)}`,
    );
    return [
      `${method}: ${String(target)} becomes ${String(counterfactual.predicted)} with`,
      ...changes,
      counterfactual.minimality.statement,
    ];
  }
  const adds = completeness === undefined ? [] : [addsUp(completeness)];
  return [
    `${method}: ${explains} of ${String(target)} is ${number(output)}${from}`,
    ...attributionLines(row, hasColours),
    ...adds,
    ...(note === undefined ? [] : [note]),
  ];
}

function addsUp({ passed, residual }: NonNullable<Explanation['completeness']>): string {
  return passed
    ? `the parts add up to the answer (residual ${number(residual)})`
    : pc.yellow(`the parts do not add up to the answer: ${number(residual)} is left over`);
}

function attributionLines({ attributions, tokens }: Explanation, hasColours: boolean): string[] {
  const grid = gridOf(attributions);
  if (grid !== undefined) return heatMap(grid, hasColours);
  if (Array.isArray(attributions)) {
    const named = attributions.map((value, i): [string, number] => [
      `${i + 1} ${tokens?.[i] ?? ''}`.trim(),
      Number(value),
    ]);
    return attributionBars(Object.fromEntries(named));
  }
  return attributionBars(attributions as Record<string, number>);
}

function pictureType(file: string): string {
  if (file.endsWith('.png')) return 'image/png';
  if (file.endsWith('.svg')) return 'image/svg+xml';
  throw new UsageError(`--picture ${file}: expected a name that ends in .png or .svg`);
}
