/**
 * The native engine: the tokenizer's hot loops in C++, by the optional package @inkstone/native. Ids, offsets and
 * decoded text are those of the TypeScript in the package itself, to the bit. Node only.
 */
import { type BpeEncoder, loadAddon, type NativeAddon } from '@inkstone/native';
import { unspellBytes } from './byte-alphabet.js';
import type { EncoderParts, Engine, TextTokens, TokenTable } from './engine.js';
import { TokenizerError } from './errors.js';
import { Bpe } from './models/bpe.js';
import { type NativeOptions, scannerOptions, threadsOf, tokenBytes } from './native-parts.js';
import { scanOf } from './pre-tokenizers/known-patterns.js';
import type { Cutter } from './pre-tokenizers/pre-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';

export type { NativeOptions } from './native-parts.js';
export { nativeTrainer } from './native-trainer.js';

/**
 * Why a tokenizer cannot use the native engine, in words, or undefined if it can: it takes byte-level BPE without a
 * normalizer, cut by the pattern of GPT-2, with a space before or not, of cl100k and its kin, or of o200k.
 *
 * @example
 * ```ts
 * nativeObstacle(await trainBpe(['to be'], { vocabSize: 257 })); // => undefined
 * ```
 */
export function nativeObstacle(tokenizer: EncoderParts): string | undefined {
  const { model, normalizer, preTokenizer } = tokenizer;
  if (!(model instanceof Bpe)) return `the model is ${model.type}`;
  if (normalizer) return `it has a normalizer, ${normalizer.type}`;
  if (!model.takesBytes) return 'its BPE is not byte-level';
  if (model.options.dropout) return 'it drops merges at random';
  const cut = preTokenizer?.byteCutter ?? preTokenizer?.spacedCutter;
  if (!cut) return `its pre-tokenizer, ${preTokenizer?.type ?? 'none'}, is not byte-level`;
  if (!scanOf(cut)) return 'its pre-tokenizer has an expression of its own';
  return spellsControl(model, cut) ? 'a control token is a whole piece of text' : undefined;
}

/** True if a text could spell a control token as one piece, which the model must then not take whole. */
function spellsControl(model: Bpe, cut: Cutter): boolean {
  if (!model.options.ignoreMerges) return false;
  return [...(model.options.hidden ?? [])].some((id) => {
    const token = model.idToToken(id);
    const text = token && new TextDecoder().decode(unspellBytes(token));
    return text ? cut(text, 0, text.length) === text.length : false;
  });
}

/**
 * The same tokenizer with the native engine: the same ids and offsets, sooner. Batches use several threads.
 * `tokenizer.with({ engine: undefined })` takes it off again.
 *
 * @throws {TokenizerError} E_UNSUPPORTED where `nativeObstacle` names a reason; NativeLoadError (E_NATIVE) where the
 *   addon is not installed. Calls on very large texts throw `E_OOM` when memory runs out.
 *
 * @example
 * ```ts
 * const fast = useNative(tokenizer);
 * fast.encodeIds('to be').length === tokenizer.encodeIds('to be').length; // => true
 * ```
 */
export function useNative(tokenizer: Tokenizer, options: NativeOptions = {}): Tokenizer {
  const threads = threadsOf(options);
  const addon = loadAddon();
  return tokenizer.with({ engine: (parts) => new NativeEngine(addon, parts, threads) });
}

class NativeEngine implements Engine {
  readonly #addon: NativeAddon;
  readonly #encoder: BpeEncoder;
  readonly #threads: number;
  /** True if texts are given a space to start with. */
  readonly #spaced: boolean;

  constructor(addon: NativeAddon, parts: EncoderParts, threads: number) {
    const obstacle = nativeObstacle(parts);
    if (obstacle !== undefined) {
      throw new TokenizerError('E_UNSUPPORTED', 'native engine', {
        rule: 'takes byte-level BPE without a normalizer, cut by the pattern of GPT-2, cl100k or o200k',
        received: `a tokenizer it cannot take: ${obstacle}`,
        fix: 'leave the engine out: with({ engine: undefined })',
      });
    }
    const model = parts.model as Bpe;
    this.#addon = addon;
    this.#threads = threads;
    const { byteCutter, spacedCutter } = parts.preTokenizer!;
    this.#spaced = !byteCutter;
    this.#encoder = new addon.BpeEncoder({
      ...scannerOptions(scanOf((byteCutter ?? spacedCutter)!)!),
      ...tokenBytes(Array.from({ length: model.idLimit }, (_, id) => model.idToToken(id))),
      ...model.mergeTable,
      wholePieces: model.options.ignoreMerges ?? false,
    });
  }

  ids(text: string): Int32Array {
    return this.#encoder.encode(this.#given(text), false);
  }

  tokens(text: string): TextTokens {
    const [ids, offsets, wordIds] = this.#encoder.encode(this.#given(text), true);
    if (this.#putsSpace(text)) takeSpaceOut(text, offsets);
    return { ids, offsets, wordIds };
  }

  idsOfAll(texts: readonly string[]): Int32Array[] {
    const [counts, ids] = this.#encoder.encodeBatch(this.#allGiven(texts), false, this.#threads);
    let at = 0;
    return Array.from(counts, (count) => ids.subarray(at, (at += count)));
  }

  tokensOfAll(texts: readonly string[]): TextTokens[] {
    const [counts, ids, offsets, words] = this.#encoder.encodeBatch(
      this.#allGiven(texts),
      true,
      this.#threads,
    );
    let from = 0;
    return Array.from(counts, (count, i) => {
      const to = from + count;
      const tokens = {
        ids: ids.subarray(from, to),
        offsets: offsets.subarray(2 * from, 2 * to),
        wordIds: words.subarray(from, to),
      };
      from = to;
      if (this.#putsSpace(texts[i]!)) takeSpaceOut(texts[i]!, tokens.offsets);
      return tokens;
    });
  }

  #putsSpace(text: string): boolean {
    return this.#spaced && text !== '' && !text.startsWith(' ');
  }

  #given(text: string): string {
    return this.#putsSpace(text) ? ` ${text}` : text;
  }

  #allGiven(texts: readonly string[]): readonly string[] {
    return this.#spaced ? texts.map((text) => this.#given(text)) : texts;
  }

  decoder(table: TokenTable): (ids: Int32Array, skipSpecial: boolean) => Uint8Array | number {
    const decoder = new this.#addon.ByteDecoder(table);
    return (ids, skipSpecial) => decoder.decode(ids, skipSpecial);
  }

  /** Merges of long pieces looked at so far: what a test of the worst case counts. */
  get steps(): number {
    return this.#encoder.steps();
  }
}

/** Moves offsets back to a text that was given a space; the space stands for the text's first character. */
function takeSpaceOut(text: string, offsets: Int32Array): void {
  const first = text.codePointAt(0)! > 0xffff ? 2 : 1;
  for (let i = 0; i < offsets.length; i += 2) {
    const end = offsets[i + 1]! - 1;
    offsets[i] = Math.max(0, offsets[i]! - 1);
    offsets[i + 1] = end > 0 ? end : first;
  }
}
