import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';
import { checkText, type TextSample } from '../text/sample.js';
import { splitSpaces } from '../text/whitespace.js';

/** Settings of {@link WordErrorRate}. */
export interface ErrorRateOptions extends AdditiveOptions {
  /** Compare words (WER) or code points (CER). Default words. */
  readonly unit?: 'word' | 'character';
}

/** An error rate and its edits. */
export interface ErrorRateResult extends Scored {
  /** (substitutions + deletions + insertions) / reference length; can exceed 1. */
  readonly score: number;
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
  /** Words or characters in the references. */
  readonly referenceLength: number;
}

/** The edits on one cheapest path from reference to hypothesis. */
export interface Edits {
  readonly substitutions: number;
  readonly deletions: number;
  readonly insertions: number;
}

/**
 * Levenshtein edits that turn `reference` into `hypothesis`; their number is minimal, their split one of the possible.
 *
 * @example
 * editCounts(['a', 'b', 'c'], ['a', 'x', 'c', 'd']); // => { substitutions: 1, deletions: 0, insertions: 1 }
 */
export function editCounts(reference: readonly string[], hypothesis: readonly string[]): Edits {
  const columns = hypothesis.length + 1;
  const cost = new Int32Array((reference.length + 1) * columns);
  for (let j = 1; j < columns; j++) cost[j] = j;
  for (let i = 1; i <= reference.length; i++) {
    const row = i * columns;
    cost[row] = i;
    for (let j = 1; j < columns; j++) {
      const replace = cost[row - columns + j - 1]! + (reference[i - 1] === hypothesis[j - 1] ? 0 : 1);
      cost[row + j] = Math.min(replace, cost[row - columns + j]! + 1, cost[row + j - 1]! + 1);
    }
  }
  const edits = { substitutions: 0, deletions: 0, insertions: 0 };
  let i = reference.length;
  let j = hypothesis.length;
  while (i > 0 || j > 0) {
    const here = cost[i * columns + j]!;
    const equal = i > 0 && j > 0 && reference[i - 1] === hypothesis[j - 1];
    if (i > 0 && j > 0 && cost[(i - 1) * columns + j - 1]! + (equal ? 0 : 1) === here) {
      if (!equal) edits.substitutions++;
      i--;
      j--;
    } else if (i > 0 && cost[(i - 1) * columns + j]! + 1 === here) {
      edits.deletions++;
      i--;
    } else {
      edits.insertions++;
      j--;
    }
  }
  return edits;
}

/**
 * Word or character error rate of a corpus: all edits / all reference words.
 *
 * Levenshtein 1966; equal to torchmetrics. Texts are compared as they are: normalise case and punctuation
 * beforehand. Of several references the one with the lowest rate counts. Empty references: 0 if the hypotheses are empty
 * too, else 1 (torchmetrics divides by zero).
 *
 * @example
 * const wer = new WordErrorRate();
 * wer.update([{ hypothesis: 'the cat sat', references: ['the cat sat down'] }]);
 * wer.compute().score; // => 0.25
 */
export class WordErrorRate extends AdditiveMetric<TextSample, ErrorRateResult> {
  readonly name: string;
  readonly width = 4;
  override readonly higherIsBetter = false;
  private readonly unit: 'word' | 'character';

  constructor(options: ErrorRateOptions = {}) {
    super(options);
    this.unit = options.unit ?? 'word';
    this.name = this.unit === 'word' ? 'WER' : 'CER';
  }

  signature(): string {
    return formatSignature({ unit: this.unit });
  }

  protected statistics(sample: TextSample, row: Float64Array): void {
    checkText(this.name, sample);
    const split = (text: string): string[] => (this.unit === 'word' ? splitSpaces(text) : [...text]);
    const hypothesis = split(sample.hypothesis);
    let lowest = Infinity;
    for (const text of sample.references) {
      const reference = split(text);
      const { substitutions, deletions, insertions } = editCounts(reference, hypothesis);
      const rate = (substitutions + deletions + insertions) / Math.max(1, reference.length);
      if (rate >= lowest) continue;
      lowest = rate;
      row.set([substitutions, deletions, insertions, reference.length]);
    }
  }

  protected result(totals: Float64Array): ErrorRateResult {
    const [substitutions, deletions, insertions, referenceLength] = Array.from(totals) as [
      number,
      number,
      number,
      number,
    ];
    const errors = substitutions + deletions + insertions;
    const score = referenceLength > 0 ? errors / referenceLength : errors > 0 ? 1 : 0;
    return { score, substitutions, deletions, insertions, referenceLength };
  }
}
