import type { Generate } from '../human/judge.js';
import type { PairedResult } from '../statistics/bootstrap.js';
import type { Interval } from '../statistics/interval.js';
import type { ClusteredResult } from '../statistics/tests.js';

/** A continuation to score after a context. */
export interface ContinuationRequest {
  readonly context: string;
  readonly continuation: string;
}

/** The model under test, as functions. Only what a task needs has to be there. */
export interface EvaluatedModel {
  /** Name in reports and in the request cache: answers are cached per name, so give another model another name. */
  readonly name: string;
  /** For `generate` tasks. */
  readonly generate?: Generate;
  /** For `multiple-choice` tasks: Σ ln p(continuation | context) in nats, one per request, in order. */
  readonly logLikelihood?: (
    requests: readonly ContinuationRequest[],
    options: { readonly signal?: AbortSignal },
  ) => Promise<readonly number[]>;
  /** For `perplexity` tasks: Σ ln p(text) in nats and the tokens scored; see `rollingLogLikelihood`. */
  readonly scoreText?: (
    texts: readonly string[],
    options: { readonly signal?: AbortSignal },
  ) => Promise<readonly { readonly logLikelihood: number; readonly tokens: number }[]>;
}

/** One evaluated sample, as the sample log keeps it. */
export interface SampleRecord {
  /** The value of the task's id field, else `line N`. */
  readonly id: string;
  /** Line in the data file, from 1. */
  readonly line: number;
  /** What the model was given, few-shot examples included. */
  readonly prompt: string;
  /** Accepted answers; the scored text of a perplexity task. */
  readonly references: readonly string[];
  /** What the model generated, after `extract`. */
  readonly output?: string;
  /** What the model generated, where `extract` changed it. */
  readonly rawOutput?: string;
  readonly choices?: readonly string[];
  /** Index of the right choice. */
  readonly gold?: number;
  /** Per choice, in nats. */
  readonly logLikelihoods?: readonly number[];
  /** Of the text, in nats, and its tokens, for perplexity. */
  readonly logLikelihood?: number;
  readonly tokens?: number;
  readonly cluster?: string;
  /** Whether an n-gram of the question or its answer occurs in the training text. Absent when not looked for. */
  readonly contaminated?: boolean;
  /** Headline score of this sample by metric, where the metric has one per sample. */
  readonly scores: Readonly<Record<string, number>>;
}

/** A line that could not be used. */
export interface Reject {
  /** Line in the data file, from 1. */
  readonly line: number;
  readonly reason: string;
  /** The line itself. */
  readonly text: string;
}

/** One metric of one task. */
export interface MetricReport {
  readonly name: string;
  /** The name in the task file, such as `bleu`. */
  readonly metric: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Undefined when the metric could not be computed; then `error` says why. */
  readonly score?: number;
  readonly error?: string;
  readonly higherIsBetter: boolean;
  readonly signature?: string;
  /** Interval of the score, over clusters where the task names them. */
  readonly interval?: Interval;
  /** For means over samples, when the task names clusters. */
  readonly clustered?: ClusteredResult;
  /** The score over samples not found in the training text. */
  readonly cleanScore?: number;
  /** The metric's whole result. */
  readonly details?: unknown;
  /** Sufficient statistics, row-major [samples, width], for paired tests between reports. */
  readonly rows?: { readonly width: number; readonly values: readonly number[] };
}

/** One task of a run. */
export interface TaskReport {
  readonly name: string;
  readonly type: string;
  readonly samples: number;
  /** Clusters among the samples, which intervals and tests then draw as wholes; absent when the task names no field. */
  readonly clusters?: number;
  readonly rejects: readonly Reject[];
  /** Samples found in the training text; absent when not looked for. */
  readonly contaminated?: number;
  readonly metrics: readonly MetricReport[];
  /** Sample ids in the order of the rows. */
  readonly ids: readonly string[];
  readonly records: readonly SampleRecord[];
}

/** One run: a model on some tasks. */
export interface EvaluationReport {
  readonly format: 'inkstone-evaluation-1';
  readonly model: string;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly elapsedSeconds: number;
  /** Requests answered from the cache, and by the model. */
  readonly requests: { readonly cached: number; readonly computed: number };
  readonly tasks: readonly TaskReport[];
}

/** A run's metric against the first run's. */
export interface ComparisonRow {
  readonly task: string;
  readonly metric: string;
  /** Display name of the metric. */
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly baselineModel: string;
  readonly model: string;
  /** The paired test; absent with the reason in `note`. */
  readonly test?: PairedResult;
  /** p-value after Holm's correction over all rows. */
  readonly adjustedP?: number;
  readonly note?: string;
}
