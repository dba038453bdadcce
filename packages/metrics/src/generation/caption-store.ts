import { NgramTrie } from '../text/trie.js';
import { WordTable } from '../text/word-table.js';

/** Slots of the filter at most: two bit arrays of 4 MiB. */
const MOST_SLOTS = 2 ** 25;

/** What an n-gram of one image is, besides its node in that image's trie. */
class Grams {
  /** Distinct n-grams of the image at hand. */
  readonly trie = new NgramTrie();
  /** By node: a hash, and the node in another trie or -1. */
  hashes = new Int32Array(1024);
  others = new Int32Array(1024);

  reset(): void {
    this.trie.reset();
    this.others[0] = 0;
  }

  /** The node of `parent` + `word`; calls `fresh(parent, node, word)` when the image did not have it yet. */
  add(parent: number, word: number, fresh: (parent: number, node: number, word: number) => void): number {
    const before = this.trie.size;
    const node = this.trie.add(parent, word);
    if (this.trie.size > before) {
      if (node >= this.hashes.length) {
        this.hashes = doubled(this.hashes);
        this.others = doubled(this.others);
      }
      let h = Math.imul((parent === 0 ? 0 : this.hashes[parent]!) ^ word, 0x9e3779b1);
      h ^= h >>> 16;
      this.hashes[node] = Math.imul(h, 0x85ebca6b) + word;
      fresh(parent, node, word);
    }
    return node;
  }
}

/**
 * The captions of images as numbers, 4 bytes a word, and the document frequencies of their n-grams.
 *
 * An n-gram of one image only has the same idf as one of none (max(1, df) = 1), so only n-grams of two or more images
 * are ever held: a first pass over the numbers marks in a filter of at most 8 MiB what was met twice, a second one counts
 * exactly what is marked. A prefix occurs wherever its n-gram does, so the marked n-grams form a trie.
 */
export class CaptionStore {
  readonly words = new WordTable();
  /** Per image: how many texts, then each text's length and words. */
  private stream = new Int32Array(1024);
  private used = 0;
  /** Number of images. */
  count = 0;

  /** Adds an image: its texts as numbers of `words`. */
  add(texts: readonly Int32Array[]): void {
    const size = texts.reduce((sum, ids) => sum + 1 + ids.length, 1);
    if (this.used + size > this.stream.length) {
      const bigger = new Int32Array(Math.max(this.used + size, Math.ceil(this.stream.length * 1.25)));
      bigger.set(this.stream);
      this.stream = bigger;
    }
    this.stream[this.used++] = texts.length;
    for (const ids of texts) {
      this.stream[this.used++] = ids.length;
      this.stream.set(ids, this.used);
      this.used += ids.length;
    }
    this.count++;
  }

  /** Adds the images of another store; may be the same one. */
  merge(other: CaptionStore): void {
    const translate = Int32Array.from({ length: other.words.size }, (_, id) =>
      this.words.idOf(other.words.wordOf(id)),
    );
    for (const texts of other.images()) this.add(texts.map((ids) => ids.map((id) => translate[id]!)));
  }

  /** The texts of each image there is at the first step, in turn. */
  *images(): Generator<Int32Array[]> {
    const { stream, used } = this;
    for (let at = 0; at < used; ) {
      const texts: Int32Array[] = [];
      for (let left = stream[at++]!; left > 0; left--) {
        const length = stream[at++]!;
        texts.push(stream.subarray(at, at + length));
        at += length;
      }
      yield texts;
    }
  }

  /**
   * A trie of the n-grams that two or more images have in their texts from `first` on; `limits` has in how many. It may
   * hold a few n-grams of one image, with 1 there.
   *
   * @param first 1 leaves out the first text, the hypothesis.
   */
  frequencies(maxOrder: number, first: number): NgramTrie {
    const slots = Math.min(MOST_SLOTS, 2 ** Math.ceil(Math.log2(Math.max(1024, 8 * this.used))));
    const once = new Int32Array(slots / 32);
    const twice = new Int32Array(slots / 32);
    const grams = new Grams();
    const eachNew = (fresh: (parent: number, node: number, word: number) => void): void => {
      for (const texts of this.images()) {
        grams.reset();
        for (let t = first; t < texts.length; t++) eachGram(texts[t]!, maxOrder, grams, fresh);
      }
    };
    eachNew((_parent, node) => {
      const slot = grams.hashes[node]! & (slots - 1);
      const bit = 1 << (slot & 31);
      if ((once[slot >>> 5]! & bit) === 0) once[slot >>> 5]! |= bit;
      else twice[slot >>> 5]! |= bit;
    });
    const counted = new NgramTrie();
    eachNew((parent, node, word) => {
      const slot = grams.hashes[node]! & (slots - 1);
      const above = grams.others[parent]!;
      const marked = above >= 0 && (twice[slot >>> 5]! & (1 << (slot & 31))) !== 0;
      const found = marked ? counted.add(above, word) : -1;
      if (found >= 0) counted.limits[found]!++;
      grams.others[node] = found;
    });
    return counted;
  }
}

/** Walks the n-grams of one text through `grams`. */
function eachGram(
  words: Int32Array,
  maxOrder: number,
  grams: Grams,
  fresh: (parent: number, node: number, word: number) => void,
): void {
  for (let i = 0; i < words.length; i++) {
    const end = Math.min(words.length, i + maxOrder);
    for (let j = i, node = 0; j < end; j++) node = grams.add(node, words[j]!, fresh);
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
