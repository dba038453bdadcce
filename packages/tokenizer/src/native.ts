/**
 * The native engine: the tokenizer's hot loops in C++, by the optional package @inkstone/native. Ids, offsets and
 * decoded text are those of the TypeScript in the package itself, to the bit. Node only.
 */
import { type BpeEncoder, loadAddon, type NativeAddon } from '@inkstone/native';
import type { EncoderParts, Engine, EngineDecoder, Place, TextTokens, TokenTable } from './engine.js';
import { TokenizerError } from './errors.js';
import { Unigram } from './models/unigram.js';
import { WordPiece } from './models/word-piece.js';
import { idsIn, inOrder, tokensIn } from './native-batch.js';
import { nativeDecoder } from './native-decoder.js';
import { type NativeOptions, threadsOf } from './native-parts.js';
import { type NativePlan, nativePlan } from './native-plan.js';
import { UnigramEngine, unigramPlan } from './native-unigram.js';
import { WordPieceEngine, wordPiecePlan } from './native-word-piece.js';
import type { Tokenizer } from './tokenizer.js';

export type { NativeOptions } from './native-parts.js';
export { nativeTrainer } from './native-trainer.js';

/**
 * Why a tokenizer cannot use the native engine, in words, or undefined if it can. It takes byte-level BPE cut by the
 * pattern of GPT-2, with a space before or not, of cl100k, o200k or DeepSeek and their kin, and by `Digits` or the like
 * before; BPE of characters with byte fallback, as of Llama 2, whose spaces are made visible by a normalizer or
 * `Metaspace`, with normalizers in TypeScript; WordPiece with the normalizer and pre-tokenizer of BERT; and Unigram of whole
 * texts or behind `Metaspace`, with `WhitespaceSplit` or not, whose normalizers look at characters, at spaces in a row and at
 * the ends of a text alone. The table of families in the README says which models these are.
 *
 * @example
 * ```ts
 * nativeObstacle(await trainBpe(['to be'], { vocabSize: 257 })); // => undefined
 * ```
 */
export function nativeObstacle(tokenizer: EncoderParts): string | undefined {
  const plan = enginePlan(tokenizer);
  return typeof plan === 'string' ? plan : undefined;
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
  return tokenizer.with({ engine: (parts) => engineOf(addon, parts, threads) });
}

/** The engine for a tokenizer, still to be made, or in words why there is none. */
function enginePlan(parts: EncoderParts): ((addon: NativeAddon, threads: number) => Engine) | string {
  if (parts.model instanceof WordPiece) {
    const plan = wordPiecePlan(parts);
    if (typeof plan === 'string') return plan;
    return (addon, threads) => new WordPieceEngine(addon, parts, plan(), threads);
  }
  if (parts.model instanceof Unigram) {
    const plan = unigramPlan(parts);
    if (typeof plan === 'string') return plan;
    return (addon, threads) => new UnigramEngine(addon, parts, plan(), threads);
  }
  const plan = nativePlan(parts);
  if (typeof plan === 'string') return plan;
  return (addon, threads) => new BpeEngine(addon, plan, threads);
}

function engineOf(addon: NativeAddon, parts: EncoderParts, threads: number): Engine {
  const plan = enginePlan(parts);
  if (typeof plan === 'string') throw unsupported(plan);
  return plan(addon, threads);
}

function unsupported(obstacle: string): TokenizerError {
  return new TokenizerError('E_UNSUPPORTED', 'native engine', {
    rule: 'takes byte-level BPE cut by a known pattern, BPE with byte fallback as of Llama 2, WordPiece as of BERT, and Unigram as of SentencePiece',
    received: `a tokenizer it cannot take: ${obstacle}`,
    fix: 'leave the engine out: with({ engine: undefined })',
  });
}

type Places = readonly (Place | undefined)[];

class BpeEngine implements Engine {
  readonly #addon: NativeAddon;
  readonly #plan: NativePlan;
  readonly #encoder: BpeEncoder;
  readonly #threads: number;

  constructor(addon: NativeAddon, plan: NativePlan, threads: number) {
    this.#addon = addon;
    this.#plan = plan;
    this.#threads = threads;
    this.#encoder = new addon.BpeEncoder(plan.options());
  }

  ids(text: string, place?: Place): Int32Array {
    const given = this.#plan.rewriting.given(text, place);
    return this.#whole(given)?.ids ?? this.#encoder.encode(given, false);
  }

  tokens(text: string, place?: Place): TextTokens {
    const given = this.#plan.rewriting.given(text, place);
    const [ids, offsets, wordIds] = this.#encoder.encode(given, true);
    return this.#finish(text, given, { ids, offsets, wordIds }, place);
  }

  idsOfAll(texts: readonly string[], places?: Places): Int32Array[] {
    const given = this.#allGiven(texts, places);
    const encoded = this.#encoder.encodeBatch(given, false, this.#threads);
    return inOrder(encoded, (wave, from, to, i) => this.#whole(given[i]!)?.ids ?? idsIn(wave, from, to));
  }

  tokensOfAll(texts: readonly string[], places?: Places): TextTokens[] {
    const given = this.#allGiven(texts, places);
    const encoded = this.#encoder.encodeBatch(given, true, this.#threads);
    return inOrder(encoded, (wave, from, to, i) =>
      this.#finish(texts[i]!, given[i]!, tokensIn(wave, from, to), places?.[i]),
    );
  }

  #allGiven(texts: readonly string[], places?: Places): readonly string[] {
    const { rewrites, rewriting } = this.#plan;
    return rewrites ? texts.map((text, i) => rewriting.given(text, places?.[i])) : texts;
  }

  #finish(text: string, given: string, tokens: TextTokens, place?: Place): TextTokens {
    const out = this.#whole(given) ?? tokens;
    this.#plan.rewriting.back(text, given, out.offsets, place);
    if (this.#plan.onePiece) out.wordIds.fill(0);
    return out;
  }

  /** The one token that a text is, if it is one. */
  #whole(given: string): TextTokens | undefined {
    const id = this.#plan.wholeToken?.(given);
    if (id === undefined) return undefined;
    return {
      ids: Int32Array.of(id),
      offsets: Int32Array.of(0, given.length),
      wordIds: Int32Array.of(0),
    };
  }

  decoder(table: TokenTable): EngineDecoder {
    return nativeDecoder(this.#addon, table);
  }

  /** Merges of long pieces looked at so far: what a test of the worst case counts. */
  get steps(): number {
    return this.#encoder.steps();
  }
}
