/** What kind of trouble a {@link TrainerError} tells of. */
export type TrainerErrorCode =
  /** A configuration that breaks its schema, or does not fit the data. */
  | 'E_CONFIG'
  /** A file that is not what its name promises. */
  | 'E_FORMAT'
  /** A file or folder that cannot be read or written. */
  | 'E_IO'
  /** The disk is full. */
  | 'E_NO_SPACE'
  /** Another process trains in this folder. */
  | 'E_LOCKED'
  /** Something is already there that would be overwritten. */
  | 'E_EXISTS'
  /** There is nothing to train on. */
  | 'E_EMPTY'
  /** The loss or the gradient is no longer a number. */
  | 'E_DIVERGED';

/**
 * An error of this package: *subject: rule; what was received; how to fix it*.
 *
 * @example
 * try {
 *   parseTrainerConfig({ steps: -1 });
 * } catch (error) {
 *   if (error instanceof TrainerError && error.code === 'E_CONFIG') console.log(error.message);
 * }
 */
export class TrainerError extends Error {
  override readonly name: string = 'TrainerError';

  constructor(
    readonly code: TrainerErrorCode,
    /** What the error is about: a file, a field, a step. */
    readonly subject: string,
    /** The rule that was broken. */
    readonly expected: string,
    /** What was there instead. */
    readonly received: string,
    fix: string,
    options?: ErrorOptions,
  ) {
    super(`${subject}: ${expected}; received ${received}; ${fix}`, options);
  }
}

/** The code of a Node system error such as ENOENT, or undefined. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/**
 * Turns a file system error into a {@link TrainerError}: E_NO_SPACE for a full disk or quota, else E_IO.
 *
 * @param kept what is still safe, told to the user when the disk is full.
 */
export function fileError(error: unknown, path: string, kept = 'nothing was overwritten'): TrainerError {
  if (error instanceof TrainerError) return error;
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new TrainerError(
      'E_NO_SPACE',
      path,
      'there must be room on the disk to write it',
      code === 'EFBIG' ? 'a file size limit (EFBIG)' : `a full disk (${code})`,
      `${kept}; free some space and go on with --resume`,
      { cause: error },
    );
  const rule = {
    ENOENT: 'it must exist',
    EACCES: 'it must be readable and writable by this user',
    EPERM: 'it must be readable and writable by this user',
    EROFS: 'it must be on a disk that can be written to',
    ENOTDIR: 'every part of the path but the last must be a folder',
    EISDIR: 'it must be a file, not a folder',
    EMFILE: 'the process must be allowed to open another file',
  }[code ?? ''];
  return new TrainerError(
    'E_IO',
    path,
    rule ?? 'it must be readable and writable',
    code ?? String(error),
    'check the path and its permissions',
    { cause: error },
  );
}
