/** What went wrong, for programs. */
export type TensorErrorCode =
  | 'E_SHAPE'
  | 'E_DTYPE'
  | 'E_DEVICE'
  | 'E_INDEX'
  | 'E_DISPOSED'
  | 'E_UNSUPPORTED'
  | 'E_OOM'
  | 'E_NATIVE'
  | 'E_FORMAT';

/**
 * Every failure of this package. The message reads *op: rule; received; fix*.
 *
 * @example
 * try {
 *   ones([2, 3]).matmul(ones([2, 3]));
 * } catch (e) {
 *   if (e instanceof TensorError) console.log(e.code); // E_SHAPE
 * }
 */
export class TensorError extends Error {
  override readonly name = 'TensorError';
  constructor(
    readonly code: TensorErrorCode,
    /** The operation that refused. */
    readonly op: string,
    /** The rule that was broken. */
    readonly expected: string,
    /** What came instead. */
    readonly received: string,
    fix?: string,
    options?: ErrorOptions,
  ) {
    super(`${op}: ${expected}; received ${received}${fix ? `; ${fix}` : ''}`, options);
  }
}
