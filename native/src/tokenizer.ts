/** How text is cut: the number of the pattern and the variants of cl100k; see native/tokenizer/scanner.h. */
export interface ScannerOptions {
  /**
   * 0 not at all, 1 GPT-2, 2 cl100k, 3 o200k, 4 before each run of U+2581, which stands for spaces, 5 before each U+2581,
   * 6 DeepSeek, 7 Kimi K2, 8 CLIP, which drops white space (encoding alone).
   */
  pattern: number;
  /** Most digits in one piece (cl100k, o200k). */
  digits: number;
  /** White space that ends the text is one piece (cl100k). */
  wholeTail: boolean;
  /** English contractions go with the word before them (o200k). */
  contractions: boolean;
  /**
   * Of each of 0x110000 code points: 1 upper, 2 lower, 3 caseless, 4 mark, 5 number, 6 newline, 7 space, 0 other; for DeepSeek
   * 1 letter or mark, 2 symbol, 3 newline, 4 space, 0 other; for Kimi K2 8 more where it is Han. Code point 0 has none.
   */
  classes: Uint8Array;
}

/** The bytes of all tokens one after the other: token t is `bytes[starts[t], starts[t + 1])`. */
export interface TokenBytes {
  bytes: Uint8Array;
  /** One more entry than there are tokens. */
  starts: Uint32Array;
}

export interface BpeEncoderOptions extends ScannerOptions, TokenBytes {
  /** Ids of the 256 bytes. */
  byteIds: Int32Array;
  /** The same of bytes that end a piece, where they have their own; then `wholePieces` is false. */
  endIds?: Int32Array;
  /** Triples left id, right id, merged id. */
  rules: Int32Array;
  /** Rank of each rule, below 2^21; the lowest merges first. */
  ranks: Int32Array;
  /** A piece that is a token is not merged up. */
  wholePieces: boolean;
  /**
   * Runs that a text is cut by before the pattern, up to 8: bits 2 k and 2 k + 1 of each code point say whether it is a member
   * of run k, and whether it may lead one. A piece is a leading character or none and up to `most[k]` members.
   */
  runs?: Uint16Array;
  most?: Int32Array;
  /** Characters beyond ASCII that are symbols as a whole, and their ids; the others are their bytes. */
  points?: Uint32Array;
  pointIds?: Int32Array;
}

/** How many tokens each text has, where in the arrays of its wave they start, and the waves, as many texts each as they say. */
export type EncodedTexts = [counts: Int32Array, starts: Int32Array, waves: EncodedWave[]];

/** Tokens of the texts of a wave, in any order, perhaps with room between and behind them. */
export type EncodedWave = [texts: number, ids: Int32Array, offsets: Int32Array, words: Int32Array];

/** BPE of bytes, or of characters that fall back to bytes, of texts without added tokens; lone surrogates count as U+FFFD. Throws E_OOM. */
export interface BpeEncoder {
  encode(text: string, spans: false): Int32Array;
  /** Ids, offsets in UTF-16 units (two per id), and the number of the piece of each id. */
  encode(text: string, spans: true): [ids: Int32Array, offsets: Int32Array, words: Int32Array];
  /** Of several texts, on so many threads; offsets and words are empty without spans. */
  encodeBatch(texts: readonly string[], spans: boolean, threads: number): EncodedTexts;
  /** Merges of long pieces looked at so far, for tests of the worst case. */
  steps(): number;
}

export interface WordPieceEncoderOptions extends TokenBytes {
  /** Bytes before tokens that go on. */
  prefix: Uint8Array;
  /** Id of words that tokens do not cover. */
  unknown: number;
  /** Longer words are unknown. */
  mostCharacters: number;
  /**
   * What becomes of each of 0x110000 code points, `value << 3 | kind`: 0 becomes the code point `value` in a word, 1 ends a
   * word and is gone, 2 is a word of its own, 3 is gone, 4 becomes the sequence at `value`, 5 depends on its neighbours.
   */
  cells: Uint32Array;
  /** Sequences: a count and as many cells of kinds 0 to 3. */
  sequences: Uint32Array;
}

/**
 * WordPiece of texts without added tokens; lone surrogates count as U+FFFD. `encode` gives null, and `encodeBatch` the count
 * -1, for a text with a character of kind 5. Throws E_OOM.
 */
export interface WordPieceEncoder {
  encode(text: string, spans: false): Int32Array | null;
  /** Ids, offsets in UTF-16 units (two per id), and the number of the word of each id. */
  encode(text: string, spans: true): [ids: Int32Array, offsets: Int32Array, words: Int32Array] | null;
  /** As `BpeEncoder`'s. */
  encodeBatch: BpeEncoder['encodeBatch'];
}

/** How a text is rewritten and cut before Unigram sees it. */
export interface TextRules {
  /**
   * What becomes of each of the 0x110000 code points, `value * 128 + flags + kind`: 0 the character `value`, which is no space
   * and no mark; 1 a space; 2 the mark, U+2581; 3 nothing; 4 the cells at `value` of `sequences`; 5 cannot be said.
   * Flags: 8 is rewritten together with the character before it, 16 with the one behind it; 32 is stripped from the start of a
   * text, 64 from its end. Characters that are rewritten together are a cluster, which must be learned.
   */
  cells: Uint32Array;
  /** The same for text that has been normalized, where there may be such. */
  normalCells?: Uint32Array;
  /** Of each a count and as many cells of the first four kinds. */
  sequences: Uint32Array;
  /** White space ends words and is gone; a mark is put before each that does not begin with one. */
  words: boolean;
  /** Spaces become marks. */
  visible: boolean;
  /** Of spaces in a row the last stays. */
  collapses: boolean;
  /** A mark is put before what has been normalized. */
  prefix: boolean;
  /** A mark is put before a text that does not begin with one: 0 never, 1 always, 2 where the whole text begins. */
  lead: 0 | 1 | 2;
  /** Each mark begins a piece; else a text is one. */
  marks: boolean;
}

export interface UnigramEncoderOptions extends TokenBytes {
  /** Of each token. */
  scores: Float64Array;
  /** Id of what no token covers, or -1 if there is none. */
  unknown: number;
  unknownScore: number;
  /** What unknown text is spelled by: an id for each byte, or -1. */
  byteIds?: Int32Array;
  /** Sums are rounded to single precision. */
  singlePrecision: boolean;
  rules: TextRules;
}

/**
 * Unigram of texts without added tokens; lone surrogates count as U+FFFD. A place is the sum of 1 for a part that the whole
 * text does not begin with and 2 for one that has been normalized. `encode` gives null, and `encodeBatch` the count -1, for a
 * text with a cluster that it does not know or of which nothing can be said, or an unknown character where there is no unknown
 * token. Throws E_OOM.
 */
export interface UnigramEncoder {
  encode(text: string, spans: false, place?: number): Int32Array | null;
  encode(text: string, spans: true, place?: number): [Int32Array, Int32Array, Int32Array] | null;
  /** As `BpeEncoder`'s, with a place for each text. */
  encodeBatch(texts: readonly string[], spans: boolean, threads: number, places?: Uint8Array): EncodedTexts;
  /** Clusters of the texts left out since the last call because they were not known, some of them more than once. */
  unknown(): string[];
  /**
   * What a cluster becomes: of each character the cell, of the first three kinds, and the units of the cluster that it stands for,
   * from and to; undefined if nothing can be said. Some ten thousand are kept: then all are forgotten for the next.
   */
  learn(cluster: string, parts: Uint32Array | undefined): void;
  /** Characters looked at so far to find the tokens of pieces. */
  steps(): number;
}

export interface ByteDecoderOptions extends TokenBytes {
  /** Of each token: 0 text, 1 special, 2 does not exist. */
  kinds: Uint8Array;
}

export interface ByteDecoder {
  /** The bytes of the ids, or the index of the first id that does not exist. Throws E_OOM beyond 4 GiB. */
  decode(ids: Int32Array, skipSpecial: boolean): Uint8Array | number;
  /**
   * Their text, each longest part of a character that does not go on as one U+FFFD, or the index of the first id that does
   * not exist. Throws E_OOM where memory runs out, and V8's error where a string would be too long.
   */
  decodeText(ids: Int32Array, skipSpecial: boolean): string | number;
}

export interface WordCounterOptions extends ScannerOptions {
  /** Longer words, in UTF-16 units, are not counted; Infinity for no limit. */
  maxWordLength: number;
}

/** Words as UTF-8, one after the other: word w is `bytes[starts[w], starts[w + 1])` and occurs `counts[w]` times. */
export interface CountedWords {
  bytes: Uint8Array;
  /** One more entry than there are words. */
  starts: Uint32Array;
  /** Exact up to 2^53. */
  counts: Float64Array;
}

/** Counts the words of texts; lone surrogates count as U+FFFD. Throws E_OOM. */
export interface WordCounter {
  count(texts: readonly string[], threads: number): void;
  /**
   * Counts the words of a text that more text follows, but for the last ones, which it could change. Returns the UTF-16
   * units that are done with; the others must come again.
   */
  countOpen(text: string): number;
  /** Gives all words and forgets them; sorted by UTF-16 units if asked for. */
  take(sorted: boolean): CountedWords;
  /** What the words take as TypeScript's table reckons: two bytes a UTF-16 unit, and 28 a word. */
  readonly bytes: number;
}

export interface MergeLearnerOptions extends TokenBytes {
  /** Ids of the 256 bytes, which follow each other in any order. */
  byteIds: Int32Array;
  vocabSize: number;
  minFrequency: number;
  /** In bytes, exclusive; Infinity for no limit. */
  maxTokenLength: number;
}

/** Learns the merges of byte-level BPE. Throws E_OOM, also beyond 2^31 bytes of words. */
export interface MergeLearner {
  /** Learns for about so long; true when there is nothing more to learn. */
  learn(milliseconds: number): boolean;
  /** Tokens of the vocabulary so far. */
  readonly tokens: number;
  /** Triples left id, right id, id of the token, in order. Frees what learning took: nothing can be asked afterwards. */
  take(): Int32Array;
}

/** Pieces or characters, one after the other, and how often each occurs. */
export interface SeedPieces {
  points: Int32Array;
  /** One more entry than there are pieces. */
  starts: Int32Array;
  counts: Float64Array;
}

/**
 * Every way to cut words into pieces, for Unigram training; see native/tokenizer/unigram_trainer.h. Throws E_OOM, also beyond
 * 2^31 characters or 2^32 places of pieces.
 */
export interface WordLattices {
  characters(): { points: Int32Array; counts: Float64Array };
  /** Makes the first pieces, once: code points, then substrings of 2 to `longest` (at most 64) characters. Ids are from 1 on. */
  seed(characters: Int32Array, longest: number, limit: number): SeedPieces;
  /** Ascending ids of the pieces that go on, which are numbered anew. */
  keep(ids: Int32Array, threads: number): void;
  /** Begins an E-step with probabilities by id; place 0 is for a character without a piece. */
  expect(probabilities: Float64Array): void;
  /** Begins to find the best cuts by scores by id. */
  cut(scores: Float64Array): void;
  /** Works on what was begun for about so long; true when it is done. */
  run(threads: number, milliseconds: number): boolean;
  /** By id, of what was done last: expected counts, or counts in best cuts. */
  sums(): Float64Array;
  /** Of the last `cut`: the best other cut of piece i + 1 is `parts[starts[i], starts[i + 1])`. */
  parts(): { parts: Int32Array; starts: Int32Array };
}
