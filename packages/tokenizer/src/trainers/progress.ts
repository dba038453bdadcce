/** How far a training is: texts read, or tokens of the vocabulary found. */
export interface TrainProgress {
  stage: 'read' | 'learn';
  /** Texts read so far (`read`), or tokens so far (`learn`). */
  done: number;
  /** Tokens asked for (`learn`); undefined while reading. */
  total: number | undefined;
}

/** How a caller follows a training, and stops it. */
export interface ProgressOptions {
  /** Called about ten times a second, and at the end of each stage. */
  onProgress?: (progress: TrainProgress) => void;
  /** Stops the training: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

const INTERVAL_MS = 100;

/**
 * Keeps a long computation a good citizen: `tick` is cheap, and now and then reports, gives the event loop a turn
 * and looks whether the work is still wanted.
 */
export class Pace {
  #next: number;

  constructor(readonly options: ProgressOptions) {
    options.signal?.throwIfAborted();
    this.#next = performance.now() + INTERVAL_MS;
  }

  /** True if it is time to `rest`. */
  get due(): boolean {
    return performance.now() >= this.#next;
  }

  async rest(progress: TrainProgress): Promise<void> {
    this.report(progress);
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.options.signal?.throwIfAborted();
    this.#next = performance.now() + INTERVAL_MS;
  }

  report(progress: TrainProgress): void {
    this.options.onProgress?.(progress);
  }
}
