/** The codes a {@link MetricError} can carry. */
export type MetricErrorCode =
  /** A value has the wrong type, range or length. */
  | 'E_INPUT'
  /** A number is NaN or infinite where a finite one is needed. */
  | 'E_NAN'
  /** Nothing was given to compute from. */
  | 'E_EMPTY'
  /** Two accumulators with different settings were merged. */
  | 'E_MERGE'
  /** A file or a record in it cannot be read. */
  | 'E_FORMAT'
  /** The work was stopped by its AbortSignal. */
  | 'E_ABORTED';

/**
 * Every failure of this package: *subject: rule; received; fix*.
 *
 * @example
 * const error = new MetricError('E_INPUT', 'bleu', 'needs at least one reference', '[]', 'pass one or more strings');
 * error.code; // => 'E_INPUT'
 * error.message; // => 'bleu: needs at least one reference; received []; pass one or more strings'
 */
export class MetricError extends Error {
  override readonly name = 'MetricError';

  /**
   * @param code What kind of failure, for programs.
   * @param subject The metric, file or option that refused.
   * @param rule What it demands.
   * @param received What it got, already as text.
   * @param fix What the caller can do.
   */
  constructor(
    readonly code: MetricErrorCode,
    readonly subject: string,
    readonly rule: string,
    readonly received: string,
    readonly fix: string,
    options?: ErrorOptions,
  ) {
    super(`${subject}: ${rule}; received ${received}; ${fix}`, options);
  }
}

/** Shows a value in an error message, short enough to read. */
export function show(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value))
    return value.length > 4 ? `an array of ${value.length}` : `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `an object with keys ${Object.keys(value).join(', ') || '(none)'}`;
  return String(value);
}

/** Throws `E_INPUT` unless `value` is an integer in [min, max]. */
export function checkInteger(
  subject: string,
  name: string,
  value: number,
  min: number,
  max = 2 ** 31 - 1,
): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new MetricError(
      'E_INPUT',
      subject,
      `${name} must be an integer from ${min} to ${max}`,
      show(value),
      `change ${name}`,
    );
  }
}

/** Throws `E_NAN` unless `value` is a finite number. */
export function checkFinite(subject: string, name: string, value: number): void {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new MetricError(
      'E_NAN',
      subject,
      `${name} must be a finite number`,
      show(value),
      'remove or repair that sample',
    );
  }
}

/** Throws `E_INPUT` unless two lists are equally long. */
export function checkSameLength(
  subject: string,
  a: string,
  lengthA: number,
  b: string,
  lengthB: number,
): void {
  if (lengthA !== lengthB) {
    throw new MetricError(
      'E_INPUT',
      subject,
      `${a} and ${b} must be equally long`,
      `${lengthA} and ${lengthB}`,
      'pair them up first',
    );
  }
}

/** The samples of a batch, one by one. @throws MetricError `E_INPUT` for no iterable, or a sample that is null or undefined. */
export function* samplesOf<Sample>(subject: string, batch: Iterable<Sample>): Generator<Sample> {
  if (typeof (batch as Partial<Iterable<Sample>> | null | undefined)?.[Symbol.iterator] !== 'function') {
    throw new MetricError(
      'E_INPUT',
      subject,
      'update takes an iterable of samples',
      show(batch),
      'wrap a single sample in [ ]',
    );
  }
  let position = 0;
  for (const sample of batch) {
    if (sample === null || sample === undefined) {
      throw new MetricError(
        'E_INPUT',
        subject,
        'a sample must not be null or undefined',
        `${sample} at position ${position}`,
        'drop it',
      );
    }
    position++;
    yield sample;
  }
}

/** Appends without spreading: a call with some hundred thousand arguments overflows the stack. */
export function appendAll<T>(target: T[], items: readonly T[]): void {
  // The count is taken first: merging an accumulator with itself appends to what it reads.
  const count = items.length;
  for (let i = 0; i < count; i++) target.push(items[i]!);
}

/** Throws `E_INPUT` unless `value` is an array or typed array. */
export function checkList(subject: string, name: string, value: unknown): void {
  if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && 'length' in value)) {
    throw new MetricError(
      'E_INPUT',
      subject,
      `${name} must be a list of numbers`,
      show(value),
      `pass ${name}`,
    );
  }
}
