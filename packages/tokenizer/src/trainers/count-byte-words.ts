import type { Cutter } from '../pre-tokenizers/pre-tokenizer.js';
import { type ByteWords, byteWords } from './byte-words.js';
import { type CountOptions, checkCountOptions, countInto, countWords } from './count-words.js';
import type { Pace } from './progress.js';
import type { TrainerEngine } from './trainer-engine.js';

/**
 * Counts the words that a cutter cuts of texts, by the engine where it can, else in TypeScript.
 *
 * @param prepare what is done to each text before.
 * @throws {TokenizerError} as `countWords`.
 */
export async function countByteWords(
  texts: Iterable<string> | AsyncIterable<string>,
  options: CountOptions & { engine?: TrainerEngine },
  pace: Pace,
  cut: Cutter,
  prepare?: (text: string) => string,
): Promise<ByteWords> {
  checkCountOptions(options);
  const given = prepare ? prepared(texts, prepare) : texts;
  const counter = options.engine?.counter(cut, options.maxWordLength ?? Infinity);
  if (counter) {
    const merged = await countInto(counter, given, options, pace);
    return merged ? byteWords(merged) : counter.take();
  }
  const counted = await countWords(given, options, pace, (text, add) => {
    for (let at = 0; at < text.length; ) {
      const next = cut(text, at, text.length);
      add(text, at, next);
      at = next;
    }
  });
  return byteWords(counted);
}

async function* prepared(
  texts: Iterable<string> | AsyncIterable<string>,
  prepare: (text: string) => string,
): AsyncGenerator<string> {
  for await (const text of texts) yield prepare(text);
}
