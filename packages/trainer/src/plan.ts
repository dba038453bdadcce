import type { TrainerConfig } from './config.js';

/** How a run of a known length is divided up. Part of the saved state, so that a resumed run keeps it. */
export interface Plan {
  /** Steps of the whole run. */
  total: number;
  /** Steps of warmup. */
  warmup: number;
  validateEvery: number;
  checkpointEvery: number;
  sampleEvery: number;
  validationBatches: number;
}

/** How often a run validates, saves and samples when nothing else is said. */
const PAUSES = 8;
/** Batches in one validation when nothing else is said. */
const VALIDATION_BATCHES = 8;
/** The share of a run in minutes that one validation may take, and all pauses together. */
const VALIDATION_SHARE = 0.01;
const PAUSE_SHARE = 0.15;
/** A run in minutes is planned anew when it would miss its end by more than this share. */
const TOLERANCE = 0.03;

/** Steps of a run whose length is told in steps or tokens; undefined for minutes. */
export function fixedTotal(config: TrainerConfig, tokensPerStep: number): number | undefined {
  if (config.steps !== undefined) return config.steps;
  return config.tokens === undefined ? undefined : Math.ceil(config.tokens / tokensPerStep);
}

/** Divides `total` steps up; `pauses` is the number of validations when the configuration does not tell. */
export function makePlan(config: TrainerConfig, total: number, pauses = PAUSES): Plan {
  const validateEvery = config.validateEvery ?? Math.max(1, Math.ceil(total / pauses));
  return {
    total,
    warmup: Math.min(config.warmup, Math.ceil(total / 10)),
    validateEvery,
    checkpointEvery: config.checkpointEvery ?? validateEvery,
    sampleEvery: config.sampleEvery ?? validateEvery,
    validationBatches: config.validationBatches ?? VALIDATION_BATCHES,
  };
}

/** Batches that a validation of a run in minutes has time for; chosen once, so that all its values can be compared. */
export function batchesForTime(config: TrainerConfig, seconds: number, batchSeconds: number): number {
  if (config.validationBatches !== undefined) return config.validationBatches;
  const affordable = Math.floor((seconds * VALIDATION_SHARE) / Math.max(batchSeconds, 1e-9));
  return Math.min(VALIDATION_BATCHES, Math.max(1, affordable));
}

/** What was measured of a run so far, in seconds. */
export interface Pace {
  /** Since the beginning, pauses included. */
  elapsed: number;
  /** Steps done. */
  step: number;
  /** One step. */
  stepSeconds: number;
  /** One pause: validation, samples and checkpoint. */
  pauseSeconds: number;
}

/**
 * The plan that ends a run nearest to its budget, from the pace so far.
 *
 * `total = step + (budget - elapsed - pauses * pauseSeconds) / stepSeconds`
 *
 * @param seconds the whole budget.
 * @param validationBatches from {@link batchesForTime}.
 */
export function planForTime(
  config: TrainerConfig,
  seconds: number,
  validationBatches: number,
  pace: Pace,
): Plan {
  const left = seconds - pace.elapsed;
  const affordable = Math.floor((seconds * PAUSE_SHARE) / Math.max(pace.pauseSeconds, 1e-9));
  const pauses = Math.min(PAUSES, Math.max(1, affordable));
  const steps = config.validateEvery
    ? (left - pace.pauseSeconds) / (pace.stepSeconds + pace.pauseSeconds / config.validateEvery)
    : (left - pauses * pace.pauseSeconds) / pace.stepSeconds;
  const plan = makePlan(config, pace.step + Math.max(1, Math.round(steps)), pauses);
  return { ...plan, validationBatches };
}

/**
 * Keeps a settled plan while it is on time, and changes only its total when it is not, as on a machine that has
 * become slower. Near the end the step at hand is the smallest correction that remains.
 */
export function keepOnTime(plan: Plan, seconds: number, pace: Pace): Plan {
  const pausesUntil = (total: number) =>
    Math.ceil(total / plan.validateEvery) - Math.floor(pace.step / plan.validateEvery);
  const end = (total: number) =>
    pace.elapsed + (total - pace.step) * pace.stepSeconds + pausesUntil(total) * pace.pauseSeconds;
  const slack = Math.max(seconds * TOLERANCE, pace.stepSeconds);
  if (plan.total <= pace.step || Math.abs(end(plan.total) - seconds) <= slack) return plan;
  let total = plan.total;
  const step = end(total) > seconds ? -1 : 1;
  while (total + step > pace.step && Math.abs(end(total + step) - seconds) < Math.abs(end(total) - seconds))
    total += step;
  return { ...plan, total };
}
