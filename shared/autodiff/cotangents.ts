/**
 * The cotangents gathered so far on the way back. Contributions to one value add up; those that are sums over rows (a weight that every step of a sequence
 * uses) are first stacked, so that many small products and additions become one large product.
 */
import type { Value } from '../onnx/graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { RowSum } from './vjp.ts';

interface Gathered {
  readonly terms: Value[];
  /** Row sums of one kind, by their key. */
  readonly rowSums: Map<string, RowSum[]>;
}

export class Cotangents {
  readonly #g: GraphBuilder;
  readonly #gathered = new Map<Value, Gathered>();

  constructor(g: GraphBuilder) {
    this.#g = g;
  }

  add(value: Value, part: Value | RowSum): void {
    let entry = this.#gathered.get(value);
    if (entry === undefined) {
      entry = { terms: [], rowSums: new Map() };
      this.#gathered.set(value, entry);
    }
    if (!('rows' in part)) entry.terms.push(part);
    else entry.rowSums.set(part.key, [...(entry.rowSums.get(part.key) ?? []), part]);
  }

  /** The sum of all contributions so far, or undefined where there are none. */
  read(value: Value): Value | undefined {
    const entry = this.#gathered.get(value);
    if (entry === undefined) return undefined;
    const total = this.#g.scope(`grad/${value.name}`, () => {
      const sums = [...entry.rowSums.values()].map((parts) => this.#stackedSum(parts));
      return [...entry.terms, ...sums].reduce((sum, term) => this.#g.add(sum, term));
    });
    this.#gathered.set(value, { terms: [total], rowSums: new Map() });
    return total;
  }

  #stackedSum(parts: readonly RowSum[]): Value {
    const [first] = parts as [RowSum];
    const stack = (i: number): Value =>
      this.#g.concat(
        parts.map(({ rows }) => rows[i]!),
        0,
      );
    return first.sum(parts.length === 1 ? first.rows : first.rows.map((_, i) => stack(i)));
  }
}
