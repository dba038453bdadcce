import { loadAddon, type NativeAddon, type WordCounter } from '@inkstone/native';
import { NativeLattices } from './native-lattices.js';
import { type NativeOptions, SLICE, scannerOptions, spelledBytes, threadsOf } from './native-parts.js';
import { scanOf } from './pre-tokenizers/known-patterns.js';
import type { Cutter } from './pre-tokenizers/pre-tokenizer.js';
import type { ByteWords } from './trainers/byte-words.js';
import type { Pace } from './trainers/progress.js';
import type { ByteMergesOptions, TrainerEngine } from './trainers/trainer-engine.js';
import type { ByteWordCounter } from './trainers/word-counter.js';

/** Texts are counted when they are this long together, and longer ones in parts, in UTF-16 units. */
const BATCH = 1 << 20;

/**
 * Trains BPE and Unigram in C++: pass it to `trainBpe`, `trainUnigram` or `trainFromFiles` as `engine`. Merges, or pieces and
 * their scores, are those of TypeScript to the bit, for any number of threads. Words are counted by several threads where the
 * pre-tokenizer is of a known pattern (GPT-2, cl100k and its kin, o200k; `Metaspace` for Unigram), else in TypeScript. Progress,
 * `signal` and `memoryLimit` work as without it.
 *
 * @throws {TokenizerError} E_OPTION on a number of threads out of range; NativeLoadError (E_NATIVE) where the addon is not
 *   installed. Training throws `E_OOM` when memory runs out, or the different words have 2^31 bytes or more together.
 *
 * @example
 * ```ts
 * const engine = nativeTrainer();
 * const trained = await trainBpe(['to be or not to be'], { vocabSize: 262, engine });
 * trained.encodeIds(' be').length; // => 1
 * const unigram = await trainUnigram(['to be or not to be'], { vocabSize: 16, engine });
 * unigram.decode(unigram.encodeIds('not to be')); // => 'not to be'
 * ```
 */
export function nativeTrainer(options: NativeOptions = {}): TrainerEngine {
  const threads = threadsOf(options);
  const addon = loadAddon();
  return {
    counter(cut: Cutter, maxWordLength: number) {
      const scan = scanOf(cut);
      if (!scan) return undefined;
      return new NativeCounter(new addon.WordCounter({ ...scannerOptions(scan), maxWordLength }), threads);
    },
    learn: (...work) => learn(addon, ...work),
    lattices: (words) => new NativeLattices(addon, words, threads),
  };
}

class NativeCounter implements ByteWordCounter {
  readonly #counter: WordCounter;
  readonly #threads: number;
  #waiting: string[] = [];
  #units = 0;

  constructor(counter: WordCounter, threads: number) {
    this.#counter = counter;
    this.#threads = threads;
  }

  add(text: string): void {
    let at = 0;
    // A part that holds no whole word is taken again, longer.
    for (let size = BATCH; text.length - at > size; ) {
      const done = this.#counter.countOpen(text.slice(at, at + size));
      at += done;
      size = done > 0 ? BATCH : size * 2;
    }
    this.#waiting.push(at > 0 ? text.slice(at) : text);
    this.#units += text.length - at;
    if (this.#units >= BATCH) this.flush();
  }

  flush(): void {
    if (this.#waiting.length > 0) this.#counter.count(this.#waiting, this.#threads);
    this.#waiting = [];
    this.#units = 0;
  }

  get bytes(): number {
    return this.#counter.bytes;
  }

  *drain(): Generator<[string, number]> {
    this.flush();
    const { bytes, starts, counts } = this.#counter.take(true);
    const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
    for (let word = 0; word < counts.length; word++) {
      yield [utf8.decode(bytes.subarray(starts[word]!, starts[word + 1]!)), counts[word]!];
    }
  }

  take(): ByteWords {
    this.flush();
    return this.#counter.take(false);
  }
}

async function learn(
  addon: NativeAddon,
  tokens: string[],
  words: ByteWords,
  options: ByteMergesOptions,
  pace: Pace,
): Promise<[number, number][]> {
  const { vocabSize, minFrequency, maxTokenLength = Infinity, byteIds } = options;
  const limits = { vocabSize, minFrequency, maxTokenLength, byteIds };
  const learner = new addon.MergeLearner(words, { ...spelledBytes(tokens), ...limits });
  while (!learner.learn(SLICE)) {
    if (pace.due) await pace.rest({ stage: 'learn', done: learner.tokens, total: vocabSize });
  }
  const triples = learner.take();
  const merges: [number, number][] = [];
  for (let i = 0; i < triples.length; i += 3) {
    const left = triples[i]!;
    const right = triples[i + 1]!;
    merges.push([left, right]);
    if (triples[i + 2] === tokens.length) tokens.push(tokens[left]! + tokens[right]!);
  }
  pace.report({ stage: 'learn', done: tokens.length, total: vocabSize });
  return merges;
}
