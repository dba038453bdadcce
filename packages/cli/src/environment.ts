import type { Output } from './reporter.js';

/** What a program runs with; the process's own by default. */
export interface Environment {
  stdout: Output;
  stderr: Output;
  stdin: NodeJS.ReadableStream;
  /** Stops a run at its next step. */
  signal: AbortSignal;
  /** How hints call the program. */
  name: string;
}
