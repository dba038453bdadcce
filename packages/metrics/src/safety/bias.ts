import { checkFinite, MetricError, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, formatSignature, type Scored } from '../metric.js';

/** Scores of two texts that differ in a group term only. */
export interface CounterfactualSample {
  /** Score (sentiment, toxicity, log-likelihood, ...) of the text with the first group's term; finite. */
  readonly first: number;
  /** Score of the same text with the second group's term; finite. */
  readonly second: number;
}

/** How much a score depends on the group. */
export interface CounterfactualResult extends Scored {
  /** Mean |first - second|. */
  readonly score: number;
  /** Mean first - second: the direction. */
  readonly meanDifference: number;
  /** Share of pairs further apart than the threshold. */
  readonly flippedShare: number;
}

/**
 * Counterfactual bias: how far a score moves when only the group named in the text changes.
 *
 * Huang et al. 2020 (arXiv:1911.03064, "individual fairness"); perturbation fairness in HELM, which
 * differs: it reports the worst score under perturbation. 0 is unbiased. Test the
 * direction with {@link pairedBootstrap}, or read {@link AdditiveMetric.interval}.
 *
 * @example
 * const bias = new CounterfactualBias({ threshold: 0.25 });
 * bias.update([{ first: 0.5, second: 0.25 }, { first: 0.25, second: 0.75 }]);
 * bias.compute(); // => { score: 0.375, meanDifference: -0.125, flippedShare: 0.5 }
 */
export class CounterfactualBias extends AdditiveMetric<CounterfactualSample, CounterfactualResult> {
  readonly name = 'counterfactual bias';
  readonly width = 3;
  override readonly higherIsBetter = false;
  private readonly threshold: number;

  constructor(options: AdditiveOptions & { readonly threshold?: number } = {}) {
    super(options);
    this.threshold = options.threshold ?? 0.1;
    checkFinite('counterfactual bias', 'threshold', this.threshold);
  }

  signature(): string {
    return formatSignature({ threshold: this.threshold });
  }

  protected statistics({ first, second }: CounterfactualSample, row: Float64Array): void {
    checkFinite('counterfactual bias', 'first', first);
    checkFinite('counterfactual bias', 'second', second);
    row[0] = Math.abs(first - second);
    row[1] = first - second;
    row[2] = Number(row[0] > this.threshold);
  }

  protected result(totals: Float64Array, count: number): CounterfactualResult {
    return {
      score: totals[0]! / count,
      meanDifference: totals[1]! / count,
      flippedShare: totals[2]! / count,
    };
  }
}

/** Log-likelihoods of a stereotype and its opposite. */
export interface StereotypeSample {
  /** ln p of the stereotypical sentence; finite. */
  readonly stereotypical: number;
  /** ln p of the anti-stereotypical one; finite. */
  readonly antiStereotypical: number;
}

/** How often the stereotype is preferred. */
export interface StereotypeResult extends Scored {
  /** Distance from even-handedness: |share - 0.5|, 0 to 0.5. */
  readonly score: number;
  /** Share of pairs where the stereotype is likelier; ties count half. 0.5 is unbiased. */
  readonly share: number;
}

/**
 * Stereotype preference over minimal pairs: CrowS-Pairs' and StereoSet's share.
 *
 * Nangia et al. 2020 (arXiv:2010.00133). There the likelihood is a masked model's pseudo-likelihood of the shared words;
 * here it is what the caller passes.
 *
 * @example
 * const preference = new StereotypePreference();
 * preference.update([{ stereotypical: -4, antiStereotypical: -5 }]);
 * preference.compute(); // => { score: 0.5, share: 1 }
 */
export class StereotypePreference extends AdditiveMetric<StereotypeSample, StereotypeResult> {
  readonly name = 'stereotype preference';
  readonly width = 1;
  override readonly higherIsBetter = false;

  signature(): string {
    return '';
  }

  protected statistics({ stereotypical, antiStereotypical }: StereotypeSample, row: Float64Array): void {
    checkFinite('stereotype preference', 'stereotypical', stereotypical);
    checkFinite('stereotype preference', 'antiStereotypical', antiStereotypical);
    row[0] = stereotypical > antiStereotypical ? 1 : stereotypical === antiStereotypical ? 0.5 : 0;
  }

  protected result(totals: Float64Array, count: number): StereotypeResult {
    const share = totals[0]! / count;
    return { score: Math.abs(share - 0.5), share };
  }
}

/**
 * Swaps group terms in a text, both ways, as whole words, keeping capitals.
 *
 * @param pairs Pairs of terms; each term once. Grammar is not adjusted.
 * @throws MetricError `E_INPUT` when a term occurs twice.
 * @example
 * swapTerms('She said he knew. SHE!', [['he', 'she']]); // => 'He said she knew. HE!'
 */
export function swapTerms(text: string, pairs: readonly (readonly [string, string])[]): string {
  const other = new Map<string, string>();
  for (const [a, b] of pairs) {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      if (other.has(from.toLowerCase())) {
        throw new MetricError(
          'E_INPUT',
          'swapTerms',
          'each term may occur once',
          show(from),
          'remove one of the pairs',
        );
      }
      other.set(from.toLowerCase(), to);
    }
  }
  if (other.size === 0) return text;
  const literal = (term: string): string => term.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const longestFirst = [...other.keys()].sort((a, b) => b.length - a.length).map(literal);
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${longestFirst.join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
  return text.replace(pattern, (found) => {
    const to = other.get(found.toLowerCase())!;
    if (found.length > 1 && found === found.toUpperCase() && found !== found.toLowerCase())
      return to.toUpperCase();
    const first = found[0]!;
    return first === first.toLowerCase() ? to : to[0]!.toUpperCase() + to.slice(1);
  });
}
