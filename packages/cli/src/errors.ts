/** What kind of trouble a {@link CliError} tells of. */
export type CliErrorCode =
  /** A flag or an argument that does not fit. */
  | 'E_USAGE'
  /** Text that is missing, empty or binary. */
  | 'E_DATA'
  /** A folder that is not the run it should be, or is one already. */
  | 'E_RUN';

/**
 * An error of the command line: *subject: rule; what was received; how to fix it*.
 *
 * @example
 * throw new CliError('E_DATA', 'notes', 'the folder must hold text', 'no files', 'name another with --data');
 */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly code: CliErrorCode,
    readonly subject: string,
    readonly expected: string,
    readonly received: string,
    fix: string,
    options?: ErrorOptions,
  ) {
    super(`${subject}: ${expected}; received ${received}; ${fix}`, options);
  }
}

/** True for errors that are worded for the user: those of every Inkstone package have a code that begins with E_. */
export const isWorded = (error: unknown): error is Error & { code: string } =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('E_');

/** A command that was stopped by a signal did not do what was asked: the exit status says so. */
export class Stopped extends Error {}
