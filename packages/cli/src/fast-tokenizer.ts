import type { Tokenizer } from '@inkstone/tokenizer';
import { nativeObstacle, useNative } from '@inkstone/tokenizer/native';

/** A tokenizer and what encodes with it: `native`, or `TypeScript` with the reason. */
export interface FastTokenizer {
  tokenizer: Tokenizer;
  engine: string;
}

/**
 * The tokenizer with the native engine where it can have one; otherwise as it is, and `engine` says why. The ids are
 * the same either way.
 *
 * @example
 * ```ts
 * const { tokenizer: fast, engine } = fastTokenizer(tokenizer);
 * ```
 */
export function fastTokenizer(tokenizer: Tokenizer): FastTokenizer {
  const obstacle = nativeObstacle(tokenizer);
  if (obstacle !== undefined) return { tokenizer, engine: `TypeScript: ${obstacle}` };
  try {
    return { tokenizer: useNative(tokenizer), engine: 'native' };
  } catch (error) {
    // Only a missing addon is no fault; anything else is.
    if ((error as { code?: string }).code !== 'E_NATIVE') throw error;
    return { tokenizer, engine: 'TypeScript: the native addon is not installed' };
  }
}
