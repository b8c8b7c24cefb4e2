/** Every check of a stranger's model: it refuses what it is for, with a reason, and lets real models of other tools pass. */
import { describe, expect, it } from '@jest/globals';
import { CHECKS } from '../../../shared/onnx/lint/checks.ts';
import { lintModel } from '../../../shared/onnx/lint/lint.ts';
import { LINT_LIMITS } from '../../../shared/onnx/lint/limits.ts';
import { OPERATORS } from '../../../shared/onnx/lint/operators.ts';
import { createSession } from '../../../shared/runtime/session.ts';
import { realModel } from '../../real-models.ts';
import { HOSTILE, model, value } from './hostile-models.ts';

describe('a hostile file', () => {
  it.each(HOSTILE)('%s is refused by the check %s', (_, check, bytes) => {
    const { findings } = lintModel(bytes());

    expect(findings.map((finding) => finding.check)).toContain(check);
    for (const { message } of findings) {
      expect(message.length).toBeGreaterThan(10);
      expect(message).not.toMatch(/undefined|NaN|\[object/);
    }
  });

  it('is refused without a word of what its paths name', () => {
    const all = HOSTILE.filter(([, check]) => check === 'external_data').map(([, , bytes]) => lintModel(bytes()));

    expect(JSON.stringify(all)).not.toMatch(/passwd|environ|secrets/);
  });

  it.each(Object.keys(CHECKS).filter((check) => check !== 'sparse_tensors'))(
    'is in the corpus for the check %s',
    (check) => {
      expect(HOSTILE.map(([, of]) => of)).toContain(check);
    },
  );

  it('is any model with a byte changed: refused or not, the answer is a report', () => {
    const good = model();
    for (let at = 0; at < good.length; at++) {
      for (const change of [1, 0x80, 0xff]) {
        const bytes = good.with(at, good[at]! ^ change);
        expect(lintModel(bytes).bytes).toBe(good.length);
      }
    }
  });
});

describe('a model of another tool', () => {
  it('passes: Silero VAD with its state, its graphs within graphs and its scalar', () => {
    const { findings, content } = lintModel(realModel('silero'));

    expect(findings).toEqual([]);
    expect(content).toMatchObject({ ir_version: 8, opsets: { '': 16 }, ops: { If: 25, LSTM: 4 } });
    expect(content?.inputs).toEqual([
      { name: 'input', type: 'float32', shape: [-1, -1] },
      { name: 'state', type: 'float32', shape: [2, -1, 128] },
      { name: 'sr', type: 'int64', shape: [] },
    ]);
  });

  it.each([
    ['ocr-detection', 11],
    ['ocr-recognition', 9],
    ['ocr-direction', 9],
  ] as const)('passes: %s', (name, opset) => {
    const { findings, content } = lintModel(realModel(name));

    expect(findings).toEqual([]);
    expect(content?.opsets).toEqual({ '': opset });
  });
});

describe('the limits', () => {
  /** One node of the operator; ONNX Runtime says whether it knows it and can run it. */
  const answerOf = async (opType: string, domain: string, opset: number): Promise<string> => {
    const ml = { domain: 'ai.onnx.ml', version: opType === 'TreeEnsemble' ? 5n : 3n };
    const bytes = model(
      { node: [{ opType, domain, input: ['x'], output: ['y'] }] },
      { opsetImport: [{ domain: '', version: BigInt(opset) }, ml] },
    );
    try {
      await (await createSession(bytes, { threads: 1 })).release();
      return 'loaded';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it.each([...OPERATORS['']!])('list the operator %s, which ONNX Runtime has', async (op) => {
    const answer = await answerOf(op, '', op === 'Upsample' || op === 'Scatter' ? 9 : 25);

    expect(answer).not.toMatch(/No Op registered|Could not find an implementation/);
  });

  it.each([...OPERATORS['ai.onnx.ml']!])('list the operator ai.onnx.ml:%s, which ONNX Runtime has', async (op) => {
    const answer = await answerOf(op, 'ai.onnx.ml', 17);

    expect(answer).not.toMatch(/No Op registered/);
  });

  it('of versions are those of the library', async () => {
    const [leastIr, mostIr] = LINT_LIMITS.irVersions;
    const [, mostOpset] = LINT_LIMITS.opsets[''];
    const load = async (bytes: Uint8Array) => (await createSession(bytes, { threads: 1 })).release();
    const at = (ir: number, opset: number) =>
      model({ output: [value('y')] }, { irVersion: BigInt(ir), opsetImport: [{ domain: '', version: BigInt(opset) }] });

    await load(at(leastIr, 17));
    await load(at(mostIr, mostOpset));
    await expect(load(at(mostIr + 1, 17))).rejects.toThrow(/IR version/);
    await expect(load(at(8, mostOpset + 1))).rejects.toThrow(/under development/);
  });
});
