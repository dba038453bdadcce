/** What kind of trouble a {@link TransformerError} tells of. */
export type TransformerErrorCode =
  /** A file that breaks its format: safetensors, an index, config.json. */
  | 'E_FORMAT'
  /** A configuration value out of range, or one that no code here carries out. */
  | 'E_CONFIG'
  /** Weights that do not fit the model: missing, unexpected, of another shape. */
  | 'E_WEIGHTS'
  /** An argument of a call that is out of its range. */
  | 'E_ARGUMENT'
  /** More positions than the model has. */
  | 'E_LENGTH'
  /** A valid file or value that this package cannot use. */
  | 'E_UNSUPPORTED'
  /** A file or folder that cannot be read or written. */
  | 'E_IO'
  /** The disk is full. */
  | 'E_NO_SPACE';

/**
 * Every failure of this package that tensor-core did not raise: *subject: rule; what was received; how to fix it*.
 *
 * @example
 * try {
 *   await fromPretrained('another-model');
 * } catch (error) {
 *   if (error instanceof TransformerError && error.code === 'E_WEIGHTS') console.log(error.received);
 * }
 */
export class TransformerError extends Error {
  override readonly name = 'TransformerError';

  constructor(
    readonly code: TransformerErrorCode,
    /** What the error is about: a file, a tensor, a configuration key, an argument. */
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

/** A value in at most 80 characters, for the *received* part of a message. */
export function describe(value: unknown): string {
  const text = (typeof value === 'bigint' ? `${value}` : JSON.stringify(value)) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Turns a file system error into a {@link TransformerError}: E_NO_SPACE for a full disk or quota, else E_IO. */
export function fileError(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof TransformerError || typeof code !== 'string' || !('syscall' in (error as object)))
    return error;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new TransformerError(
      'E_NO_SPACE',
      path,
      'there must be room on the disk to write it',
      code,
      'free some space; what was there before is intact',
      { cause: error },
    );
  return new TransformerError(
    'E_IO',
    path,
    code === 'ENOENT' ? 'it must exist' : 'it must be readable or writable by this user',
    code,
    'check the path and its permissions',
    { cause: error },
  );
}
