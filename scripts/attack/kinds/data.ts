/** Data whose names and cells are code elsewhere: formulas, paths, prototypes; read, trained on and predicted with. */
import type { AttackKind, Scene } from '../attempt.ts';
import { settled } from '../things.ts';
import { jsonBody } from '../wire.ts';
import type { Answer, HttpRequest } from '../wire.ts';
import { endOf } from './sizes.ts';

const COLUMNS = ['__proto__', 'constructor', 'toString', '../../etc/passwd', "=cmd|'/C calc'!A0", 'a#b:c', 'pk'];

const CELLS = [
  '=1+1',
  '@SUM(1+1)',
  '+1',
  '-1+1',
  '\t=1',
  '../../../etc/passwd',
  'C:\\windows\\win.ini',
  '__proto__',
  'constructor',
  '<script>alert(1)</script>',
  '${aws:PrincipalTag/TenantId}',
  'a\u0000b',
  '\ud800',
  '\u202e',
];

/** Stands for more arrays than JSON.stringify can write. */
const DEEP = 'deep-7d1c';
const deepArrays = '['.repeat(50_000) + ']'.repeat(50_000);

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

function files(): readonly (readonly [string, object])[] {
  const cells = CELLS.map((cell, i) => `${quoted(cell)},${i}`).join('\n');
  const objects = CELLS.map((cell, i) => ({ text: cell, [cell]: i, constructor: i }));
  return [
    ['formulas in cells', { format: 'csv', csv: `text,n\n${cells}\n` }],
    [
      'hostile column names',
      { format: 'csv', csv: `${COLUMNS.map(quoted).join(',')}\n${'1,2,3,4,5,6,7\n'.repeat(12)}` },
    ],
    ['hostile fields', { format: 'jsonl', rows: objects }],
    [
      'declared prototypes',
      { format: 'csv', csv: 'x\n1\n', columns: JSON.parse('{"__proto__":"number","constructor":"number"}') as object },
    ],
    ['the same column twice', { format: 'csv', csv: 'x,x,\n1,2,3\n' }],
    ['another format', { format: 'jsonl', rows: [{ a: [[1], [2, 3]] }, { a: { b: 1 } }, { a: 'x' }] }],
    ['deep rows', { format: 'jsonl', rows: [{ a: DEEP }] }],
  ];
}

function deepened({ headers, body }: ReturnType<typeof jsonBody>): ReturnType<typeof jsonBody> {
  return { headers, body: body.replace(JSON.stringify(DEEP), deepArrays) };
}

export const hostileData: AttackKind = {
  name: 'hostile data',
  *attempts(scene) {
    const post = { method: 'POST', path: '/v1/datasets', key: scene.own.key };
    for (const [label, fields] of files()) {
      yield {
        label,
        request: { ...post, ...deepened(jsonBody({ name: 'hostile', ...fields })) },
        check: async (answer) => (await endOf(scene, answer)) ?? (await useOf(scene, answer, label)),
      };
    }
    for (const name of ['../x', 'a/b', '..', '.', '', 'a\0', '=1+1', 'é', 'a'.repeat(64), '__proto__', 'CON', 'a b'])
      yield {
        label: `a dataset of the name ${JSON.stringify(name.slice(0, 20))}`,
        request: { ...post, ...jsonBody({ name, format: 'csv', csv: 'x\n1\n' }) },
        mustBeRefused: !/^[A-Za-z0-9][\w.-]{0,62}$/.test(name),
      };
  },
};

const SLOT_TRIES = 60;

/** Starts a job, once the plan has room for it: other kinds have left some. */
async function startJob(wire: Scene['wire'], request: HttpRequest): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    const answer = await wire.send(request);
    if (answer.status !== 429 || tries === SLOT_TRIES) return answer;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Trains on the hostile columns and predicts with them. */
async function useOf({ wire, own }: Scene, answer: Answer, label: string): Promise<string | undefined> {
  if (answer.status !== 201 || label !== 'hostile column names') return undefined;
  const { id } = JSON.parse(answer.body) as { id: string };
  const model = `${own.model}-hostile`;
  const started = await startJob(wire, {
    method: 'POST',
    path: '/v1/jobs',
    key: own.key,
    ...jsonBody({ name: model, task: 'regression', family: 'linear_regression', dataset: id, target: 'pk' }),
  });
  if (started.status !== 202) return `training was refused: ${started.status} ${started.body.slice(0, 200)}`;
  const job = await settled(wire, own.key, `/v1/jobs/${(JSON.parse(started.body) as { id: string }).id}`);
  if (job.status !== 'succeeded') return `the job is ${job.status}: ${JSON.stringify(job)}`;
  const features = COLUMNS.filter((name) => name !== 'pk').map((name, i) => `${JSON.stringify(name)}:${i + 1}`);
  for (const text of [`{"instances":[{${features.join(',')}}]}`, '{"instances":[{}]}', '{"instances":[{"x":1}]}']) {
    const { status, body } = await wire.send({
      method: 'POST',
      path: `/v1/models/${model}:predict`,
      key: own.key,
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    if (status >= 500) return `predicting with them was answered ${status}: ${body.slice(0, 200)}`;
  }
  return undefined;
}
