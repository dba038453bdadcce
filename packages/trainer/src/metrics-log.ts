import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { fileError, systemCode } from './errors.js';

/** One optimizer step. */
export interface StepRecord {
  readonly kind: 'step';
  /** Steps done, this one included. */
  readonly step: number;
  /** Training tokens seen so far. */
  readonly tokens: number;
  /** Mean cross-entropy of the step's batch, nats per token. */
  readonly loss: number;
  readonly lr: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  readonly tokensPerSecond: number;
  /** Share of the machine's peak, 0 to 1, where both are known. */
  readonly utilization?: number;
}

/** One validation. */
export interface ValidationRecord {
  readonly kind: 'validation';
  readonly step: number;
  readonly tokens: number;
  /** Nats per token. */
  readonly loss: number;
  /** True where it is the lowest so far. */
  readonly best: boolean;
}

/** Text that the model wrote. */
export interface SampleRecord {
  readonly kind: 'sample';
  readonly step: number;
  readonly tokens: number;
  readonly texts: readonly string[];
}

/** A line of metrics.jsonl. */
export type MetricsRecord = StepRecord | ValidationRecord | SampleRecord;

function parseLine(line: string): MetricsRecord | null {
  try {
    const value = JSON.parse(line) as MetricsRecord;
    return typeof value === 'object' &&
      value !== null &&
      Number.isInteger(value.step) &&
      typeof value.kind === 'string'
      ? value
      : null;
  } catch {
    return null;
  }
}

/**
 * The file metrics.jsonl: a JSON object a line, appended as the run goes.
 *
 * @example
 * const log = MetricsLog.open('runs/a/metrics.jsonl', 0);
 * log.append({ kind: 'validation', step: 10, tokens: 20480, loss: 5.1, best: true });
 * log.close();
 */
export class MetricsLog {
  private constructor(
    readonly path: string,
    private readonly descriptor: number,
    private position: number,
  ) {}

  /**
   * Opens the log to go on after a step. What was written beyond it, by a run that got further than its last
   * checkpoint, is cut off, and so is a line that was being written when the process died.
   *
   * @param step keep the records up to this step; 0 with no records begins anew.
   * @throws TrainerError E_IO, E_NO_SPACE.
   */
  static open(path: string, step: number): MetricsLog {
    try {
      const descriptor = openSync(path, 'a+');
      const end = endOfStep(descriptor, step);
      ftruncateSync(descriptor, end);
      return new MetricsLog(path, descriptor, end);
    } catch (error) {
      throw fileError(error, path);
    }
  }

  /** @throws TrainerError E_IO, E_NO_SPACE; the file then ends with its last whole line. */
  append(record: MetricsRecord): void {
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.descriptor, bytes, done, bytes.length - done);
      this.position += bytes.length;
    } catch (error) {
      ftruncateSync(this.descriptor, this.position);
      throw fileError(error, this.path, 'the last checkpoint is intact');
    }
  }

  /** Makes sure that what was appended survives a power cut. */
  sync(): void {
    fsyncSync(this.descriptor);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** Byte after the last whole record with `record.step <= step`; the file is read in pieces, as it may be long. */
function endOfStep(descriptor: number, step: number): number {
  const buffer = Buffer.alloc(1 << 16);
  let rest = Buffer.alloc(0);
  let end = 0;
  for (let at = 0; ; ) {
    const got = readSync(descriptor, buffer, 0, buffer.length, at);
    if (got === 0) return end;
    at += got;
    rest = Buffer.concat([rest, buffer.subarray(0, got)]);
    for (let newline = rest.indexOf(10); newline >= 0; newline = rest.indexOf(10)) {
      const record = parseLine(rest.toString('utf8', 0, newline));
      if (!record || record.step > step) return end;
      end += newline + 1;
      rest = rest.subarray(newline + 1);
    }
  }
}

/**
 * Every record of a metrics.jsonl, in order; empty when there is no file. A last line that is not whole is left out.
 *
 * @throws TrainerError E_IO.
 * @example
 * const steps = readMetrics('runs/a/metrics.jsonl').filter((r) => r.kind === 'step');
 */
export function readMetrics(path: string): MetricsRecord[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map(parseLine)
      .filter((record) => record !== null);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw fileError(error, path);
  }
}
