import { appendAll, checkFinite, MetricError, samplesOf, show } from '../errors.js';
import { AdditiveMetric, type AdditiveOptions, empty, formatSignature, type Scored } from '../metric.js';
import { Pcg64 } from '../random.js';
import { type BootstrapOptions, bootstrapSettings, percentileInterval } from '../statistics/bootstrap.js';
import { resampler } from '../statistics/clusters.js';
import { binomialTest } from '../statistics/distributions.js';
import { checkConfidence, type Interval, wilsonInterval } from '../statistics/interval.js';

/** One comparison of two systems. */
export interface Match {
  readonly a: string;
  readonly b: string;
  /** Which won. */
  readonly winner: 'a' | 'b' | 'tie';
}

/** A system's place. */
export interface Rating {
  readonly name: string;
  /** On the Elo scale: 400 points are odds of ten to one. */
  readonly rating: number;
  /** Bootstrap interval of the rating, over matches. */
  readonly interval: Interval;
  readonly matches: number;
}

function checkMatches(subject: string, matches: readonly Match[]): string[] {
  if (matches.length === 0) throw empty(subject);
  for (const { a, b, winner } of samplesOf(subject, matches)) {
    if (typeof a !== 'string' || typeof b !== 'string' || a === b) {
      throw new MetricError(
        'E_INPUT',
        subject,
        'a match needs two different names',
        `${show(a)} and ${show(b)}`,
        'drop it',
      );
    }
    if (winner !== 'a' && winner !== 'b' && winner !== 'tie') {
      throw new MetricError('E_INPUT', subject, 'winner must be a, b or tie', show(winner), 'fix that match');
    }
  }
  return [...new Set(matches.flatMap(({ a, b }) => [a, b]))].sort();
}

/**
 * Ratings of systems from matches that come in batches or shards: {@link bradleyTerry} by default, or {@link elo}.
 *
 * Keeps the matches. Elo ratings depend on their order, which merging continues with the other's.
 *
 * @example
 * const ratings = new Ratings();
 * ratings.update([{ a: 'x', b: 'y', winner: 'a' }]);
 * ratings.update([{ a: 'x', b: 'y', winner: 'tie' }]);
 * ratings.compute().map((r) => r.name); // => ['x', 'y']
 */
export class Ratings {
  private readonly matches: Match[] = [];

  /** @param rate Makes ratings from all matches, such as `(matches) => elo(matches, { k: 16 })`. */
  constructor(
    private readonly rate: (matches: readonly Match[]) => Rating[] = (matches) => bradleyTerry(matches),
  ) {}

  /** Adds matches. @throws MetricError `E_INPUT` for a bad one; then none is added. */
  update(batch: Iterable<Match>): void {
    const fresh = [...samplesOf('ratings', batch)];
    if (fresh.length > 0) checkMatches('ratings', fresh);
    appendAll(this.matches, fresh);
  }

  /** Adds the matches another has seen. */
  merge(other: Ratings): void {
    appendAll(this.matches, other.matches);
  }

  /** The ratings, best first. @throws MetricError `E_EMPTY` without matches. */
  compute(): Rating[] {
    return this.rate(this.matches);
  }
}

/** Settings of {@link bradleyTerry}. */
export interface BradleyTerryOptions extends BootstrapOptions {
  /**
   * Virtual draws of every system against an average one; keeps a system that won (or lost) everything finite. 0 gives
   * the plain maximum likelihood, which then may not exist. Default 0.1.
   */
  readonly prior?: number;
  /** Mean of all ratings. Default 1000. */
  readonly center?: number;
}

/** Strengths by Hunter's MM iteration; wins[i][j] counts wins of i over j, ties as half. */
function strengths(wins: readonly Float64Array[], prior: number): Float64Array {
  const n = wins.length;
  let p = new Float64Array(n).fill(1);
  for (let iteration = 0; iteration < 100_000; iteration++) {
    const next = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let won = prior;
      let weight = (2 * prior) / (p[i]! + 1);
      for (let j = 0; j < n; j++) {
        const played = wins[i]![j]! + wins[j]![i]!;
        if (played === 0) continue;
        won += wins[i]![j]!;
        weight += played / (p[i]! + p[j]!);
      }
      next[i] = won / weight;
    }
    // With a prior the average opponent fixes the scale at strength 1; without one only ratios matter.
    if (prior === 0) {
      const mean = Math.exp(next.reduce((sum, x) => sum + Math.log(x), 0) / n);
      for (let i = 0; i < n; i++) next[i]! /= mean;
    }
    const change = next.reduce((most, x, i) => Math.max(most, Math.abs(Math.log(x / p[i]!))), 0);
    p = next;
    if (change < 1e-13) return p;
  }
  throw new MetricError(
    'E_INPUT',
    'bradleyTerry',
    'the likelihood must have a maximum',
    'no convergence',
    'use a larger prior',
  );
}

/** Whether every system can be reached from every other over wins (ties count both ways): Ford 1957's condition. */
function stronglyConnected(wins: readonly Float64Array[]): boolean {
  const reaches = (edge: (i: number, j: number) => boolean): boolean => {
    const seen = new Set([0]);
    const queue = [0];
    for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
      for (let j = 0; j < wins.length; j++) {
        if (seen.has(j) || !edge(i, j)) continue;
        seen.add(j);
        queue.push(j);
      }
    }
    return seen.size === wins.length;
  };
  return reaches((i, j) => wins[i]![j]! > 0) && reaches((i, j) => wins[j]![i]! > 0);
}

/**
 * Bradley-Terry ratings with bootstrap intervals: P(i beats j) = 1 / (1 + 10^((R_j - R_i) / 400)).
 *
 * Bradley and Terry 1952, fitted by the MM algorithm of Hunter 2004; ties count as half a win for each side, as Chatbot
 * Arena does (Chiang et al. 2024, arXiv:2403.04132). The order of matches does not matter. The Arena's own
 * code differs in form: a logistic regression in which every match counts twice and a tie once for each side.
 *
 * @throws MetricError `E_EMPTY` without matches, `E_INPUT` for a bad match, or with `prior: 0` when some group of systems
 *   never lost to (or never met) the rest, so that no maximum exists.
 * @example
 * const matches: Match[] = [{ a: 'x', b: 'y', winner: 'a' }, { a: 'x', b: 'y', winner: 'tie' }];
 * bradleyTerry(matches).map((r) => r.name); // => ['x', 'y']
 */
export function bradleyTerry(matches: readonly Match[], options: BradleyTerryOptions = {}): Rating[] {
  const names = checkMatches('bradleyTerry', matches);
  const { prior = 0.1, center = 1000 } = options;
  checkFinite('bradleyTerry', 'prior', prior);
  checkFinite('bradleyTerry', 'center', center);
  const { resamples, seed, confidence } = bootstrapSettings('bradleyTerry', { resamples: 200, ...options });
  const index = new Map(names.map((name, i) => [name, i]));
  const fit = (list: readonly Match[]): number[] => {
    const wins = names.map(() => new Float64Array(names.length));
    for (const { a, b, winner } of list) {
      const [i, j] = [index.get(a)!, index.get(b)!];
      wins[i]![j]! += winner === 'a' ? 1 : winner === 'tie' ? 0.5 : 0;
      wins[j]![i]! += winner === 'b' ? 1 : winner === 'tie' ? 0.5 : 0;
    }
    if (prior === 0 && !stronglyConnected(wins)) {
      throw new MetricError(
        'E_INPUT',
        'bradleyTerry',
        'with prior 0 every system must have beaten some chain to every other',
        'a group that never lost or never met the rest',
        'set prior above 0',
      );
    }
    const logs = Array.from(strengths(wins, prior), (p) => (400 * Math.log(p)) / Math.LN10);
    const mean = logs.reduce((a, b) => a + b, 0) / logs.length;
    return logs.map((x) => x - mean + center);
  };
  const ratings = fit(matches);
  const draw = resampler('bradleyTerry', matches, new Pcg64(seed), options.clusters);
  const drawn: number[][] = [];
  for (let attempts = 0; drawn.length < resamples; attempts++) {
    if (attempts > 20 * resamples) {
      throw new MetricError(
        'E_INPUT',
        'bradleyTerry',
        'resamples must have a maximum',
        'too few matches',
        'set prior above 0',
      );
    }
    try {
      drawn.push(fit(draw()));
    } catch (error) {
      // Only with prior 0: that resample has no maximum, draw another.
      if (!(error instanceof MetricError) || prior !== 0) throw error;
    }
  }
  return names
    .map((name, i) => ({
      name,
      rating: ratings[i]!,
      interval: percentileInterval(
        drawn.map((row) => row[i]!),
        confidence,
      ),
      matches: matches.filter(({ a, b }) => a === name || b === name).length,
    }))
    .sort((x, y) => y.rating - x.rating);
}

/** Settings of {@link elo}. */
export interface EloOptions extends BootstrapOptions {
  /** Largest change by one match. Default 4, small enough for systems that do not change. */
  readonly k?: number;
  /** Rating before the first match. Default 1000. */
  readonly initial?: number;
}

/**
 * Elo ratings: after each match R += k (result - expected), in the order given, with intervals over random orders.
 *
 * Elo 1978. For systems that do not change {@link bradleyTerry} uses the same model without depending on the order
 * (Boubdir et al. 2023, arXiv:2311.17295, measure that dependence); the interval here shows how much it
 * matters. Implementations differ in `k` and in keeping the last rating, as here, or a mean over orders.
 *
 * @throws MetricError `E_EMPTY` without matches, `E_INPUT` for a bad match.
 * @example
 * elo([{ a: 'x', b: 'y', winner: 'a' }], { k: 32 }).map((r) => r.rating); // => [1016, 984]
 */
export function elo(matches: readonly Match[], options: EloOptions = {}): Rating[] {
  const names = checkMatches('elo', matches);
  const { k = 4, initial = 1000 } = options;
  checkFinite('elo', 'k', k);
  checkFinite('elo', 'initial', initial);
  const { resamples, seed, confidence } = bootstrapSettings('elo', { resamples: 200, ...options });
  const play = (list: readonly Match[]): Map<string, number> => {
    const ratings = new Map(names.map((name) => [name, initial]));
    for (const { a, b, winner } of list) {
      const expected = 1 / (1 + 10 ** ((ratings.get(b)! - ratings.get(a)!) / 400));
      const change = k * ((winner === 'a' ? 1 : winner === 'tie' ? 0.5 : 0) - expected);
      ratings.set(a, ratings.get(a)! + change);
      ratings.set(b, ratings.get(b)! - change);
    }
    return ratings;
  };
  const final = play(matches);
  const draw = resampler('elo', matches, new Pcg64(seed), options.clusters);
  const drawn = Array.from({ length: resamples }, () => play(draw()));
  return names
    .map((name) => ({
      name,
      rating: final.get(name)!,
      interval: percentileInterval(
        drawn.map((ratings) => ratings.get(name)!),
        confidence,
      ),
      matches: matches.filter(({ a, b }) => a === name || b === name).length,
    }))
    .sort((x, y) => y.rating - x.rating);
}

/** The outcome of comparing two systems. */
export interface WinRate {
  /** (wins + ties / 2) / all, 0 to 1. */
  readonly winRate: number;
  /** Wilson interval of wins among decided comparisons; [0, 1] when none is decided. */
  readonly decidedInterval: Interval;
  /** Two-sided exact sign test, ties left out. */
  readonly pValue: number;
  readonly wins: number;
  readonly ties: number;
  readonly losses: number;
}

/** How a comparison ended, from the first system's side. */
export type Outcome = 'win' | 'tie' | 'loss';

/**
 * Pairwise win rate of the first system, with an interval and the sign test, in one call: see {@link PairwiseWinRate}.
 *
 * @param outcomes One per comparison, from the first system's side.
 * @throws MetricError `E_EMPTY` without outcomes, `E_INPUT` for an unknown one.
 * @example
 * winRate(['win', 'win', 'tie', 'loss']).winRate; // => 0.625
 */
export function winRate(outcomes: readonly Outcome[], confidence = 0.95): WinRate {
  const metric = new PairwiseWinRate({ confidence });
  metric.update(outcomes);
  return metric.compute();
}

/**
 * Pairwise win rate of the first system, streaming.
 *
 * A tie counts half, as in AlpacaEval (Dubois et al. 2024, arXiv:2404.04475) and the Chatbot Arena (Chiang et al. 2024,
 * arXiv:2403.04132); others leave ties out, which `wins` and `losses` allow. {@link PairwiseWinRate.interval} is a
 * bootstrap of the rate with its ties; `decidedInterval` is Wilson's without.
 *
 * @example
 * const rate = new PairwiseWinRate();
 * rate.update(['win', 'win', 'tie', 'loss']);
 * rate.compute().score; // => 0.625
 */
export class PairwiseWinRate extends AdditiveMetric<Outcome, WinRate & Scored> {
  readonly name = 'win rate';
  readonly width = 3;
  private readonly confidence: number;

  /** @param options confidence: of `decidedInterval`. Default 0.95. */
  constructor(options: AdditiveOptions & { readonly confidence?: number } = {}) {
    super(options);
    this.confidence = options.confidence ?? 0.95;
    checkConfidence(this.name, this.confidence);
  }

  signature(): string {
    return formatSignature({ confidence: this.confidence });
  }

  protected statistics(outcome: Outcome, row: Float64Array): void {
    const index = ['win', 'tie', 'loss'].indexOf(outcome);
    if (index < 0)
      throw new MetricError('E_INPUT', this.name, 'an outcome is win, tie or loss', show(outcome), 'fix it');
    row[index] = 1;
  }

  protected result(totals: Float64Array, count: number): WinRate & Scored {
    const [wins, ties, losses] = Array.from(totals) as [number, number, number];
    const { confidence } = this;
    const rate = (wins + ties / 2) / count;
    const decided = wins + losses;
    return {
      score: rate,
      winRate: rate,
      decidedInterval:
        decided > 0 ? wilsonInterval(wins, decided, confidence) : { low: 0, high: 1, confidence },
      pValue: binomialTest(wins, decided),
      wins,
      ties,
      losses,
    };
  }
}
