import { PairTable } from '../pair-table.js';
import { PairHeap } from './pair-heap.js';
import type { Pace } from './progress.js';

/** Words as symbols: word w is `symbols[starts[w], starts[w + 1])` and occurs `counts[w]` times. */
export interface SymbolWords {
  symbols: Int32Array;
  starts: Int32Array | Uint32Array;
  counts: Float64Array;
}

/** Which merges are learned, and how many. */
export interface LearnMergesOptions {
  /** Tokens wanted in all, those given included. */
  vocabSize: number;
  /** Pairs rarer than this are not merged. */
  minFrequency: number;
  /** No pair is counted whose token would have this many symbols or more; none by default. */
  maxTokenLength?: number;
  /** Prefix that the right part of a merge loses. */
  continuingSubwordPrefix?: string;
}

/**
 * Learns merges: as long as tokens are wanted, the most frequent pair of neighbours becomes a token (Sennrich et
 * al. 2016, algorithm 1), of equals the pair with the smaller ids. Pair counts are kept up to date word by word;
 * entries of the queue whose count has sunk are put back when they come up. The words are merged in place.
 *
 * Pairs, ties and the rare token that can be made in two ways are handled as in Hugging Face tokenizers, so that
 * the merges are the same; counts are float64, exact up to 2^53.
 *
 * @param tokens the vocabulary so far, extended in place; its index is the id.
 * @returns the merges as ids, in order.
 */
export async function learnMerges(
  tokens: string[],
  words: SymbolWords,
  options: LearnMergesOptions,
  pace: Pace,
): Promise<[number, number][]> {
  const { symbols, starts, counts } = words;
  const { vocabSize, minFrequency, maxTokenLength = Infinity, continuingSubwordPrefix: prefix } = options;
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const lengths: number[] = tokens.map(() => 1);
  const ends = starts.slice(1);
  const pairs = new PairTable(1 << 12);
  const pairCounts: number[] = [];
  const heap = firstPairs(words, pairs, pairCounts);
  const merges: [number, number][] = [];

  /** Pairs that gained in the current step: their index, ids and the words they gained in. */
  const touched = new Map<number, { left: number; right: number; words: number[] }>();
  const change = (left: number, right: number, word: number, sign: 1 | -1) => {
    let index = pairs.get(left, right);
    if (index < 0) {
      index = pairCounts.length;
      pairs.set(left, right, index);
      pairCounts.push(0);
    }
    pairCounts[index]! += sign * counts[word]!;
    if (sign < 0) return;
    const entry = touched.get(index);
    if (!entry) touched.set(index, { left, right, words: [word] });
    else if (entry.words[entry.words.length - 1] !== word) entry.words.push(word);
  };

  while (tokens.length < vocabSize && heap.size > 0) {
    const { count, left, right } = heap.top();
    const current = pairCounts[pairs.get(left, right)]!;
    if (count !== current) {
      heap.lowerTop(current);
      continue;
    }
    if (count < 1 || count < minFrequency) break;
    const where = heap.pop();
    let tail = tokens[right]!;
    if (prefix && tail.startsWith(prefix)) tail = tail.slice(prefix.length);
    const token = tokens[left]! + tail;
    let id = ids.get(token);
    if (id === undefined) {
      id = tokens.length;
      tokens.push(token);
      ids.set(token, id);
      lengths.push(lengths[left]! + lengths[right]!);
    }
    merges.push([left, right]);
    const length = lengths[left]! + lengths[right]!;
    for (let w = 0; w < where.length; w++) {
      const word = where[w]!;
      const start = starts[word]!;
      let end = ends[word]!;
      // `write` trails `read`: the word shrinks as it is read.
      let write = start;
      for (let read = start; read < end; read++) {
        if (symbols[read] !== left || read + 1 >= end || symbols[read + 1] !== right) {
          symbols[write++] = symbols[read]!;
          continue;
        }
        if (write > start) {
          const before = symbols[write - 1]!;
          change(before, left, word, -1);
          if (lengths[before]! + length < maxTokenLength) change(before, id, word, 1);
        }
        symbols[write++] = id;
        read++;
        if (read + 1 < end) {
          const after = symbols[read + 1]!;
          change(right, after, word, -1);
          if (lengths[after]! + length < maxTokenLength) change(id, after, word, 1);
        }
      }
      end = write;
      ends[word] = end;
    }
    for (const [index, entry] of touched) {
      if (pairCounts[index]! > 0) heap.push(pairCounts[index]!, entry.left, entry.right, entry.words);
    }
    touched.clear();
    if (pace.due) await pace.rest({ stage: 'learn', done: tokens.length, total: vocabSize });
  }
  pace.report({ stage: 'learn', done: tokens.length, total: vocabSize });
  return merges;
}

/** Counts the pairs of all words and queues each with the words that hold it. */
function firstPairs(words: SymbolWords, pairs: PairTable, pairCounts: number[]): PairHeap {
  const { symbols, starts, counts } = words;
  const lefts: number[] = [];
  const rights: number[] = [];
  const occurrences: number[] = [];
  const lastWord: number[] = [];
  for (let word = 0; word < counts.length; word++) {
    for (let i = starts[word]!; i + 1 < starts[word + 1]!; i++) {
      let index = pairs.get(symbols[i]!, symbols[i + 1]!);
      if (index < 0) {
        index = pairCounts.length;
        pairs.set(symbols[i]!, symbols[i + 1]!, index);
        pairCounts.push(0);
        lefts.push(symbols[i]!);
        rights.push(symbols[i + 1]!);
        occurrences.push(0);
        lastWord.push(-1);
      }
      pairCounts[index]! += counts[word]!;
      if (lastWord[index] !== word) {
        lastWord[index] = word;
        occurrences[index]!++;
      }
    }
  }
  const lists = occurrences.map((length) => new Int32Array(length));
  occurrences.fill(0);
  lastWord.fill(-1);
  for (let word = 0; word < counts.length; word++) {
    for (let i = starts[word]!; i + 1 < starts[word + 1]!; i++) {
      const index = pairs.get(symbols[i]!, symbols[i + 1]!);
      if (lastWord[index] === word) continue;
      lastWord[index] = word;
      lists[index]![occurrences[index]!++] = word;
    }
  }
  const heap = new PairHeap();
  lists.forEach((list, index) => {
    heap.push(pairCounts[index]!, lefts[index]!, rights[index]!, list);
  });
  return heap;
}
