import type { Tokenizer, TrainerEngine } from '@inkstone/tokenizer';
import { nativeObstacle, nativeTrainer, useNative } from '@inkstone/tokenizer/native';

const ABSENT = 'TypeScript: the native addon is not installed';

/** What `make` makes with the addon, or undefined where the addon is not installed; any other fault is thrown. */
function withAddon<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if ((error as { code?: string }).code !== 'E_NATIVE') throw error;
    return undefined;
  }
}

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
  const fast = withAddon(() => useNative(tokenizer));
  return fast ? { tokenizer: fast, engine: 'native' } : { tokenizer, engine: ABSENT };
}

/** What BPE is trained with, and its name: `native`, or `TypeScript` with the reason. */
export interface FastTrainer {
  trainer?: TrainerEngine;
  engine: string;
}

/**
 * The native trainer of BPE and Unigram where the addon is installed; it finds the same tokens as TypeScript.
 *
 * @example
 * ```ts
 * const { trainer, engine } = fastTrainer();
 * ```
 */
export function fastTrainer(): FastTrainer {
  const trainer = withAddon(() => nativeTrainer());
  return trainer ? { trainer, engine: 'native' } : { engine: ABSENT };
}
