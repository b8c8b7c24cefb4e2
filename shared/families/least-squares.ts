/**
 * Small dense float64 algebra for least squares: Cholesky, block-wise QR, and the least-norm solution by a Jacobi SVD.
 * Sources: Golub and Van Loan, "Matrix Computations", 4th edition: 4.2.5 (Cholesky), 5.2.2 (Householder QR), 8.6.3 (one-sided Jacobi).
 * Square matrices are row-major.
 */

/** Below this pivot of the correlation matrix (condition about 1e7) the normal equations lose too many digits. */
const SMALLEST_PIVOT = 1e-7;

/**
 * Solves A x = b for symmetric positive definite A [n, n], scaled to ones on the diagonal first.
 * Returns undefined where A is too close to singular.
 */
export function solveCholesky(a: Float64Array, b: Float64Array): Float64Array | undefined {
  const n = b.length;
  const scale = Float64Array.from({ length: n }, (_, i) => 1 / Math.sqrt(a[i * n + i]!));
  if (!scale.every((value) => Number.isFinite(value))) return undefined;
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j]! * scale[i]! * scale[j]!;
      for (let k = 0; k < j; k++) sum -= l[i * n + k]! * l[j * n + k]!;
      if (i !== j) l[i * n + j] = sum / l[j * n + j]!;
      else if (sum > SMALLEST_PIVOT) l[i * n + i] = Math.sqrt(sum);
      else return undefined;
    }
  }
  const x = Float64Array.from(b, (value, i) => value * scale[i]!);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= l[i * n + k]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= l[k * n + i]! * x[k]!;
    x[i]! /= l[i * n + i]!;
  }
  return x.map((value, i) => value * scale[i]!);
}

/**
 * The triangular factor of [R; B]: R [n, n] of the rows so far, B [rows, n] the new ones. Started with zeros and fed block by block it
 * is the R of the QR factorisation of all rows.
 */
export function updateTriangular(r: Float64Array, block: Float64Array, n: number): Float64Array {
  const rows = n + block.length / n;
  // Column-major: a Householder reflection works on columns.
  const a = new Float64Array(rows * n);
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) a[j * rows + i] = r[i * n + j]!;
    for (let i = n; i < rows; i++) a[j * rows + i] = block[(i - n) * n + j]!;
  }
  for (let k = 0; k < n; k++) reflect(a, rows, k, n);
  return Float64Array.from({ length: n * n }, (_, at) =>
    at % n >= Math.floor(at / n) ? a[(at % n) * rows + Math.floor(at / n)]! : 0,
  );
}

/** Zeroes column k of `a` (column-major, n columns) below its diagonal by a reflection, applied to the columns after it. */
function reflect(a: Float64Array, rows: number, k: number, n: number): void {
  let norm = 0;
  for (let i = k; i < rows; i++) norm = Math.hypot(norm, a[k * rows + i]!);
  if (norm === 0) return;
  const head = a[k * rows + k]!;
  const alpha = head > 0 ? -norm : norm;
  const v = a.slice(k * rows + k, (k + 1) * rows);
  v[0] = head - alpha;
  const square = v.reduce((sum, value) => sum + value * value, 0);
  for (let j = k; j < n; j++) {
    const at = j * rows + k;
    let dot = 0;
    for (let i = 0; i < v.length; i++) dot += v[i]! * a[at + i]!;
    const factor = (2 * dot) / square;
    for (let i = 0; i < v.length; i++) a[at + i]! -= factor * v[i]!;
  }
  a[k * rows + k] = alpha;
}

/** The x of least norm that minimises |R x - b|, R [n, n]: singular values below n * epsilon of the largest count as zero. */
export function solveLeastNorm(r: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const { u, v, singular } = jacobiSvd(r, n);
  const cutoff = Math.max(...singular) * n * Number.EPSILON * 8;
  const x = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    if (!(singular[k]! > cutoff)) continue;
    let dot = 0;
    for (let i = 0; i < n; i++) dot += u[k * n + i]! * b[i]!;
    // The columns of u carry their singular value once, so that the square divides.
    const factor = dot / singular[k]! ** 2;
    for (let i = 0; i < n; i++) x[i]! += factor * v[k * n + i]!;
  }
  return x;
}

/** One-sided Jacobi: R V = U S by plane rotations of columns until all are orthogonal. Columns are contiguous in `u` and `v`. */
function jacobiSvd(r: Float64Array, n: number): { u: Float64Array; v: Float64Array; singular: Float64Array } {
  const u = Float64Array.from({ length: n * n }, (_, at) => r[(at % n) * n + Math.floor(at / n)]!);
  const v = Float64Array.from({ length: n * n }, (_, at) => (at % n === Math.floor(at / n) ? 1 : 0));
  for (let sweep = 0; sweep < 60; sweep++) {
    let isOrthogonal = true;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b, c] = [dotOf(u, p, p, n), dotOf(u, q, q, n), dotOf(u, p, q, n)];
        if (Math.abs(c) <= Number.EPSILON * Math.sqrt(a * b)) continue;
        isOrthogonal = false;
        const zeta = (b - a) / (2 * c);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        rotate(u, [p, q], t, n);
        rotate(v, [p, q], t, n);
      }
    }
    if (isOrthogonal) break;
  }
  return { u, v, singular: Float64Array.from({ length: n }, (_, k) => Math.sqrt(dotOf(u, k, k, n))) };
}

function dotOf(a: Float64Array, p: number, q: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[p * n + i]! * a[q * n + i]!;
  return sum;
}

function rotate(a: Float64Array, [p, q]: readonly [number, number], t: number, n: number): void {
  const cosine = 1 / Math.sqrt(1 + t * t);
  const sine = cosine * t;
  for (let i = 0; i < n; i++) {
    const x = a[p * n + i]!;
    const y = a[q * n + i]!;
    a[p * n + i] = cosine * x - sine * y;
    a[q * n + i] = sine * x + cosine * y;
  }
}
