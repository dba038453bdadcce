import { appendAll, checkInteger, MetricError, samplesOf } from '../errors.js';
import { ExactSum } from '../exact-sum.js';
import { empty, type Metric, type Scored } from '../metric.js';
import type { BootstrapOptions } from '../statistics/bootstrap.js';
import { refuseClusters } from '../statistics/clusters.js';
import { type Interval, meanInterval } from '../statistics/interval.js';
import { checkFeatures } from './features.js';

/** An inception score over splits. */
export interface InceptionResult extends Scored {
  /** Mean over splits of exp(mean KL), 1 to C. */
  readonly score: number;
  /** Standard deviation over splits (n - 1); 0 for one split. */
  readonly standardDeviation: number;
}

/**
 * Inception score from class probabilities: exp(E[KL(p(y|x) ‖ p(y))]) per split.
 *
 * Salimans et al. 2016 (arXiv:1606.03498). Splits are consecutive, of equal size or one apart, as in
 * their code, whose standard deviation divides by the number of splits (here by one less);
 * torchmetrics shuffles first (without a seed of its own) and cuts chunks of ceil(n / splits), equal where splits divide n. Barratt and Sharma 2018 (arXiv:1801.01973) say
 * why not to rely on it.
 *
 * @example
 * const is = new InceptionScore({ splits: 1 });
 * is.update([[1, 0], [0, 1]]);
 * is.compute().score.toFixed(9); // => '2.000000000'
 */
export class InceptionScore implements Metric<readonly number[], InceptionResult> {
  readonly name = 'IS';
  readonly higherIsBetter = true;
  private readonly rows: (readonly number[])[] = [];
  private readonly splits: number;

  constructor(options: { readonly splits?: number } = {}) {
    this.splits = options.splits ?? 10;
    checkInteger('IS', 'splits', this.splits, 1);
  }

  update(batch: Iterable<readonly number[]>): void {
    const rows = [...samplesOf(this.name, batch)];
    for (const row of rows) {
      checkFeatures('IS', row, (this.rows[0] ?? rows[0])?.length);
      const sum = row.reduce((a, b) => a + b, 0);
      if (row.some((p) => p < 0) || Math.abs(sum - 1) > 1e-4) {
        throw new MetricError(
          'E_INPUT',
          'IS',
          'rows must be probabilities that sum to 1',
          `a sum of ${sum}`,
          'apply softmax to the logits',
        );
      }
    }
    appendAll(this.rows, rows);
  }

  merge(other: this): void {
    if (other.splits !== this.splits)
      throw new MetricError(
        'E_MERGE',
        'IS',
        'only merges with the same splits',
        String(other.splits),
        'use one',
      );
    appendAll(this.rows, other.rows);
  }

  compute(): InceptionResult {
    const scores = this.scores();
    const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
    const squares = scores.reduce((sum, x) => sum + (x - mean) ** 2, 0);
    return {
      score: mean,
      standardDeviation: scores.length > 1 ? Math.sqrt(squares / (scores.length - 1)) : 0,
    };
  }

  /** Student's interval of the mean over splits ({@link meanInterval}); unbounded for one split. */
  interval(options: BootstrapOptions = {}): Interval {
    const { confidence = 0.95 } = options;
    refuseClusters(this.name, options);
    return meanInterval(this.scores(), confidence);
  }

  /** The score of each split. */
  private scores(): number[] {
    const { rows, splits } = this;
    if (rows.length < splits) throw empty('IS', splits);
    return Array.from({ length: splits }, (_, s) => {
      const part = rows.slice(
        Math.floor((s * rows.length) / splits),
        Math.floor(((s + 1) * rows.length) / splits),
      );
      const marginal = part[0]!.map((_, k) => {
        const sum = new ExactSum();
        for (const row of part) sum.add(row[k]!);
        return sum.value() / part.length;
      });
      let divergence = 0;
      for (const row of part) {
        for (const [k, p] of row.entries()) if (p > 0) divergence += p * Math.log(p / marginal[k]!);
      }
      return Math.exp(divergence / part.length);
    });
  }
}
