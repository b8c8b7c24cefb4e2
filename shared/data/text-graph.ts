/**
 * Text as ids, in ONNX nodes of the default domain and ai.onnx.ml. Words: StringNormalizer (ASCII letters), StringSplit at blanks, LabelEncoder.
 * Characters come as code points, since no standard op takes a string apart: LabelEncoder alone.
 */
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { UNKNOWN } from '../tensor/shape.ts';
import { MARKS, RESERVED_IDS } from './text.ts';
import type { TextEncoding } from './text.ts';

/** The graph's input of a text feature, as `textFeed` fills it. */
export function emitTextInput(g: GraphBuilder, { name, tokens }: TextEncoding): Value {
  return tokens === 'word' ? g.input(name, 'string', ['batch', 1]) : g.input(name, 'int64', ['batch', 'characters']);
}

/** float32 [batch, length]: ids, which are exact up to 2^24. */
export function emitTokenIds(g: GraphBuilder, encoding: TextEncoding, input: Value): Value {
  return g.scope('encode', () => {
    const ids = encoding.tokens === 'word' ? wordIds(g, encoding, input) : characterIds(g, encoding, input);
    const padded = g.pad(ids, { begin: [0, 0], end: [0, encoding.length] });
    const cut = g.slice(padded, { axis: 1, start: 0, end: encoding.length });
    return g.cast(g.reshape(cut, ['batch', encoding.length]), 'float32');
  });
}

function wordIds(g: GraphBuilder, { lowercase, isBare, vocabulary }: TextEncoding, input: Value): Value {
  const text = g.reshape(input, ['batch']);
  const folded = lowercase
    ? g.emit('StringNormalizer', [text], text, { case_change_action: 'LOWER', locale: 'C' })
    : text;
  const [words] = g.node('StringSplit', [folded], {}, [
    { dtype: 'string', shape: ['batch', UNKNOWN] },
    { dtype: 'int64', shape: ['batch'] },
  ]) as [Value, Value];
  const ids = new Map([['', 0]]);
  vocabulary.forEach((word, i) => {
    for (const mark of ['', ...(isBare ? MARKS : [])]) ids.set(word + mark, RESERVED_IDS + i);
  });
  return g.labelEncoder(words, {
    keys: { strings: [...ids.keys()] },
    values: { ints: [...ids.values()] },
    defaultValue: 1,
  });
}

function characterIds(g: GraphBuilder, { lowercase, vocabulary }: TextEncoding, input: Value): Value {
  const ids = new Map<number, number>([[0, 0]]);
  vocabulary.forEach((character, i) => ids.set(character.codePointAt(0)!, RESERVED_IDS + i));
  if (lowercase) {
    vocabulary.forEach((character, i) => {
      const [upper = character, ...more] = character.toUpperCase();
      if (more.length === 0) ids.set(upper.codePointAt(0)!, RESERVED_IDS + i);
    });
  }
  return g.labelEncoder(input, {
    keys: { ints: [...ids.keys()] },
    values: { ints: [...ids.values()] },
    defaultValue: 1,
  });
}
