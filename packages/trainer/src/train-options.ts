import type { Generator, Tensor } from '@inkstone/tensor-core';
import type { TrainerConfigInput } from './config.js';
import type { RunLock } from './lock.js';
import type { SampleRecord, StepRecord, ValidationRecord } from './metrics-log.js';
import type { TrainableModel } from './model.js';
import type { ReportOptions } from './report/report.js';

/** What the trainer needs to know of a batch; the rest is between the data and the loss. */
export interface BatchInfo {
  /** Targets that count in the loss. */
  readonly tokens: number;
  /** Which examples these are, named when the loss is no longer a number. */
  readonly windows: readonly number[];
}

/** Batches in an order that can be returned to; see `WindowSampler`. */
export interface TrainingData<B extends BatchInfo> {
  /** Examples in an epoch. */
  readonly count: number;
  /** The batch after `position` examples. */
  batch(position: number, size: number): B;
}

/** Batches that are the same each time; see `WindowSampler`. */
export interface ValidationData<B extends BatchInfo> {
  evenly(batches: number, size: number): Iterable<B>;
}

/** Something that happened in a run. */
export type TrainEvent =
  | (StepRecord & {
      /** Steps of the whole run, as planned now. */
      readonly total: number;
      /** Seconds to the end. */
      readonly eta: number;
      /** The last validation loss. */
      readonly validationLoss: number | undefined;
    })
  | ValidationRecord
  | SampleRecord
  | { readonly kind: 'checkpoint'; readonly step: number; readonly folder: string };

/** Everything a run is made of. */
export interface TrainOptions<B extends BatchInfo> {
  config: TrainerConfigInput;
  model: TrainableModel;
  /** Mean loss of a batch over its `tokens` targets: a scalar, in nats. Called with dropout on, or off to validate. */
  loss: (batch: B) => Tensor;
  data: { train: TrainingData<B>; validation?: ValidationData<B> | undefined };
  /** Goes on from the last checkpoint in `config.out`. */
  resume?: boolean;
  /** Ends the run after the step at hand, with a checkpoint. */
  signal?: AbortSignal | undefined;
  /** Writes the model's own files into a folder; called with `config.out` whenever it is the best so far. */
  save?: (folder: string) => Promise<void>;
  /** Texts of the model as it is now. */
  sample?: (step: number) => Promise<readonly string[]>;
  onEvent?: (event: TrainEvent) => void;
  /** Where dropout draws from; {@link defaultGenerator} by default. */
  generator?: Generator;
  /** The lock on `config.out`, when the caller holds it already. */
  lock?: RunLock;
  /** To tell the share of the machine's peak: operations per token, and per second. */
  flops?: { perToken: number; peak: number } | undefined;
  /** What report.html tells besides the metrics; it is written with each checkpoint. */
  report?: Omit<ReportOptions, 'title' | 'status' | 'seconds'> & { readonly title?: string };
}

/** How a run ended. */
export interface TrainResult {
  readonly reason: 'finished' | 'stopped';
  readonly step: number;
  readonly tokens: number;
  /** Seconds trained, those before a resume included. */
  readonly seconds: number;
  /** The lowest validation loss and its step. */
  readonly best: { readonly step: number; readonly loss: number } | null;
  /** Folder of the last checkpoint. */
  readonly checkpoint: string;
}
