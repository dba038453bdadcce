/** Rolling speed of a run. */
export class Throughput {
  readonly #seconds: number[] = [];

  constructor(private readonly window = 16) {}

  /** @param seconds of one step. */
  add(seconds: number): void {
    this.#seconds.push(seconds);
    if (this.#seconds.length > this.window) this.#seconds.shift();
  }

  /** Median seconds of the last steps: one slow step, such as the first, does not move it. Undefined before any. */
  get stepSeconds(): number | undefined {
    if (this.#seconds.length === 0) return undefined;
    const sorted = [...this.#seconds].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2;
  }
}

/**
 * Floating point operations to train a decoder on one token, forward and backward:
 * `6 N + 6 L C T`, causal attention counted as the half that is computed. (PaLM, arXiv:2204.02311, appendix B, has
 * `12 L C T` for attention that is not causal.)
 *
 * @param parameters N, those that are multiplied: with a tied head the embedding counts once.
 * @param layers L
 * @param width C
 * @param context T
 * @example
 * trainingFlopsPerToken({ parameters: 10.7e6, layers: 6, width: 384, context: 256 }) / 1e6; // 67.7
 */
export function trainingFlopsPerToken(shape: {
  parameters: number;
  layers: number;
  width: number;
  context: number;
}): number {
  return 6 * shape.parameters + 6 * shape.layers * shape.width * shape.context;
}

/**
 * Seconds as people write them.
 *
 * @example
 * formatDuration(3725); // '1h 02m'
 */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86_400)}d ${two(Math.floor(s / 3600) % 24)}h`;
}

/**
 * A number in three digits and a unit.
 *
 * @example
 * formatCount(1_234_567); // '1.23M'
 */
export function formatCount(n: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  let unit = 0;
  let value = n;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits =
    unit === 0 && Number.isInteger(n) ? 0 : Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)}${units[unit]}`;
}
