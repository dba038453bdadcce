/**
 * What went wrong, for programs: `E_FORMAT` a file or JSON object is not what it should be, `E_UNSUPPORTED` a
 * component or option is unknown, `E_OPTION` an argument is out of its range, `E_VOCAB` a token or id does not
 * exist, `E_FILE` the file system refused.
 */
export type TokenizerErrorCode = 'E_FORMAT' | 'E_UNSUPPORTED' | 'E_OPTION' | 'E_VOCAB' | 'E_FILE';

/** The three parts of every message, and the cause where another error led to this one. */
export interface TokenizerErrorParts {
  rule: string;
  received: string;
  fix: string;
  cause?: unknown;
}

/**
 * The error of this package; its message reads *subject: rule; received; fix*.
 *
 * @example
 * ```ts
 * try {
 *   Tokenizer.fromJSON({ model: { type: 'Morse' } });
 * } catch (error) {
 *   if (error instanceof TokenizerError) console.log(error.code, error.subject); // E_UNSUPPORTED model.type
 * }
 * ```
 */
export class TokenizerError extends Error {
  override readonly name = 'TokenizerError';

  constructor(
    readonly code: TokenizerErrorCode,
    /** The component, option or file at fault, e.g. `pre_tokenizer.type`. */
    readonly subject: string,
    parts: TokenizerErrorParts,
  ) {
    super(
      `${subject}: ${parts.rule}; received ${parts.received}; ${parts.fix}`,
      parts.cause === undefined ? undefined : { cause: parts.cause },
    );
  }
}

/** A value in at most 80 characters, for the *received* part of a message. */
export function describe(value: unknown): string {
  let text: string | undefined;
  try {
    text = typeof value === 'bigint' ? `${value}n` : JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
