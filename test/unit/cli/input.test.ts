/** What a tenant gives to the command line, understood: instances, jobs, events, credentials, completion. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { ApiError, ConnectionError, pathOf } from '../../../cli/client.ts';
import { partsOf } from '../../../cli/commands/predict.ts';
import { completionScript } from '../../../cli/completion.ts';
import { checkUrl, findCredentials } from '../../../cli/config.ts';
import { OutcomeError, UsageError, exitCodeOf, linesOf } from '../../../cli/errors.ts';
import { messages } from '../../../cli/events.ts';
import { instancesOfCsv, instancesOfJson } from '../../../cli/instances.ts';
import { jobBody } from '../../../cli/job-body.ts';
import { programOf } from '../../../cli/program.ts';
import { explanationLines } from '../../../cli/commands/explain.ts';
import { heatMap } from '../../../cli/render/heat-map.ts';
import { bytes, table } from '../../../cli/render/table.ts';

describe('instances', () => {
  it('of CSV get the types of the features, without the columns that the model does not take', () => {
    const features = [
      { name: 'area', type: 'number' },
      { name: 'zip', type: 'category' },
      { name: 'new', type: 'boolean' },
    ];

    expect(instancesOfCsv('zip;price;area;new\n01067;9;70.5;true\n;9;;no\n', 'a.csv', features)).toEqual([
      { area: 70.5, zip: '01067', new: true },
      { area: null, zip: null, new: false },
    ]);
    expect(() => instancesOfCsv('area\n1\n', 'a.csv', features)).toThrow(/"zip", "new" are missing/);
  });

  it('of JSON are one, a list, a body or lines', () => {
    expect(instancesOfJson('{"a": 1}', 'x')).toEqual([{ a: 1 }]);
    expect(instancesOfJson('[1, 2]', 'x')).toEqual([1, 2]);
    expect(instancesOfJson('{"instances": [3]}', 'x')).toEqual([3]);
    expect(instancesOfJson('{"a": 1}\n{"a": 2}\n', 'x')).toEqual([{ a: 1 }, { a: 2 }]);
    expect(() => instancesOfJson('{"a": ', 'x.json')).toThrow(/x\.json is not JSON/);
  });

  it('are sent in parts of a size that the service takes, none lost', () => {
    const parts = partsOf(Array.from({ length: 2001 }, (_, i) => i));
    const large = partsOf(Array.from({ length: 3 }, () => 'x'.repeat(3_000_000)));

    expect(parts.map((part) => part.length)).toEqual([1000, 1000, 1]);
    expect(parts.flat()).toEqual(Array.from({ length: 2001 }, (_, i) => i));
    expect(large.map((part) => part.length)).toEqual([1, 1, 1]);
  });
});

describe('jobBody', () => {
  it('puts settings below params, as JSON where they are', () => {
    const set = ['epochs=3', 'optimizer.adam.learning_rate=0.01', 'kernel=rbf', '__proto__.x=1'];
    const body = jobBody({ name: 'm', features: 'a, b', set, validation: '0', maxUsd: 2 });

    expect(JSON.parse(JSON.stringify(body))).toEqual({
      name: 'm',
      features: ['a', 'b'],
      params: JSON.parse(
        '{"epochs":3,"optimizer":{"adam":{"learning_rate":0.01}},"kernel":"rbf","__proto__":{"x":1}}',
      ) as object,
      validation: { fraction: 0 },
      budget: { max_usd: 2 },
    });
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
    expect(() => jobBody({ set: ['epochs'] })).toThrow(UsageError);
  });

  it.each(['alpha=1e400', 'alpha=-1e400', 'units=[8, 1e400]'])(
    'refuses a number that would be sent as null: %s',
    (set) => {
      expect(() => jobBody({ set: [set] })).toThrow(`--set ${set}: a number in it is too large`);
    },
  );
});

describe('messages of a stream', () => {
  it('come whole, wherever the stream is cut, and comments are none', async () => {
    const text = 'retry: 5\n\nid: 1\ndata: {"a":\ndata: 1}\n\n: still there\r\n\r\ndata:x\r\n\r\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const got: string[] = [];
      const chunks = (async function* () {
        yield text.slice(0, cut);
        yield text.slice(cut);
      })();
      for await (const data of messages(chunks)) got.push(data);

      expect(got).toEqual(['{"a":\n1}', 'x']);
    }
  });
});

describe('credentials', () => {
  it('do not travel in the clear, nor to an address that they were not given for', () => {
    expect(checkUrl('http://127.0.0.1:3000/')).toBe('http://127.0.0.1:3000');
    expect(() => checkUrl('http://example.com')).toThrow(/expected https/);
    expect(() => findCredentials({ TENON_URL: 'https://example.com' })).toThrow(/TENON_API_KEY/);
  });
});

describe('errors', () => {
  it('become exit codes that a script can tell apart', () => {
    const problem = { detail: 'no', code: 'rate_limited', retryable: true };
    const errors = [new ApiError(404, {}), new UsageError(), new OutcomeError('x'), new ConnectionError()];

    expect([...errors, new ApiError(429, problem)].map(exitCodeOf)).toEqual([1, 2, 3, 4, 4]);
  });

  it('say row, column and hint', () => {
    const errors = [{ row: 3, column: 'age', message: 'expected a number, found "x"', hint: 'mend it' }];

    expect(linesOf(new ApiError(422, { detail: 'bad data', code: 'dataset_invalid', errors }))).toEqual([
      'bad data (dataset_invalid)',
      '  row 3, column "age": expected a number, found "x" (mend it)',
    ]);
  });
});

describe('paths', () => {
  it('keep references and escape what is none', () => {
    expect(pathOf('/v1/models/{ref}:predict', { ref: 'a@live' })).toBe('/v1/models/a@live:predict');
    expect(pathOf('/v1/jobs/{id}', { id: '../x' })).toBe('/v1/jobs/..%2Fx');
    expect(() => pathOf('/v1/jobs/{id}', {})).toThrow(/"id" is missing/);
  });
});

describe('what is shown', () => {
  it('stands in columns, numbers to the right', () => {
    expect(
      table(
        ['NAME', 'N'],
        [
          ['a', 1],
          ['long name', 12],
        ],
      ),
    ).toEqual(['NAME        N', 'a           1', 'long name  12']);
    expect([bytes(999), bytes(1500), bytes(2_500_000)]).toEqual(['999 B', '1.5 kB', '2.5 MB']);
  });

  it('draws two rows of a heat map a line: red for, blue against, white for nothing', () => {
    expect(heatMap([[1], [-1], [0]], true)).toEqual([
      '\u001b[38;2;255;0;0;48;2;0;0;255m▀\u001b[0m',
      '\u001b[38;2;255;255;255;48;2;255;255;255m▀\u001b[0m',
    ]);
    expect(heatMap([[1, 0, -1]], false)).toEqual(['# @']);
  });

  it('warns where attributions do not add up', () => {
    const row = { method: 'm', target: 1, explains: 'logit', output: 2, attributions: { a: 2, b: -1 } };
    const lines = explanationLines({ ...row, completeness: { passed: false, residual: 1 } }, false);

    expect(lines.at(-1)).toContain('do not add up');
    expect(lines[1]).toMatch(/^a .*\+2$/);
    expect(lines[2]).toMatch(/^b .*-1$/);
  });
});

describe('completion', () => {
  it('in bash knows the commands, the options of each and the choices', () => {
    const script = completionScript(programOf(), 'bash');
    const complete = (...words: string[]): string[] => {
      const quoted = ['tenon', ...words].map((word) => `'${word}'`).join(' ');
      const ask = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _tenon; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' })
        .split('\n')
        .filter(Boolean);
    };

    expect(complete('mod')).toEqual(['models']);
    expect(complete('models', 'd')).toEqual(['download', 'delete']);
    expect(complete('train', 'houses', '--ta')).toEqual(['--task', '--target']);
    expect(complete('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
  });

  it.each(['zsh', 'fish'] as const)('for %s names every command', (shell) => {
    const script = completionScript(programOf(), shell);

    for (const { name } of programOf().commands.map((command) => ({ name: command.name() })))
      expect(script).toContain(name);
  });
});
