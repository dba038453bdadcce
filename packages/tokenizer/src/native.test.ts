import { loadAddon } from '@inkstone/native';
import { beforeAll, describe, expect, it } from 'vitest';
import { absent, bytePair, characterPair, nativeTitle, rulesOf } from '../test/native-engine.js';
import { BYTE_TO_CHAR } from './byte-alphabet.js';
import type { EncoderParts } from './engine.js';
import { Bpe } from './models/bpe.js';
import { Vocab } from './models/vocab.js';
import { WordLevel } from './models/word-level.js';
import { nativeObstacle, useNative } from './native.js';
import { Lowercase } from './normalizers/simple.js';
import { ByteLevel } from './pre-tokenizers/byte-level.js';
import { Metaspace } from './pre-tokenizers/metaspace.js';
import { PreTokenizerSequence } from './pre-tokenizers/simple.js';
import { Split } from './pre-tokenizers/split.js';
import type { Tokenizer } from './tokenizer.js';

describe.skipIf(absent !== '')(nativeTitle('the native engine'), () => {
  let plain: Tokenizer;
  let native: Tokenizer;
  beforeAll(async () => {
    ({ plain, native } = await bytePair('cl100k', false));
  });

  it('says what it cannot take', () => {
    const obstacle = (parts: Partial<EncoderParts>) => nativeObstacle(plain.with(parts));
    expect(nativeObstacle(plain)).toBeUndefined();
    const regex = new PreTokenizerSequence([
      new Split({ Regex: 'a+' }, 'Isolated', false),
      new ByteLevel({ useRegex: false }),
    ]);
    expect(obstacle({ preTokenizer: regex })).toContain('expression');
    expect(obstacle({ preTokenizer: new ByteLevel({ addPrefixSpace: true }) })).toBeUndefined();
    expect(
      obstacle({ preTokenizer: new Metaspace({ replacement: '▁', prependScheme: 'always', split: true }) }),
    ).toContain('Metaspace');
    expect(obstacle({ normalizer: new Lowercase() })).toBeUndefined();
    const vocab = new Vocab([['a', 0]]);
    expect(obstacle({ model: new Bpe(vocab, []) })).toContain('byte-level');
    const bytes = new Vocab(BYTE_TO_CHAR.map((char, id) => [char, id] as const));
    expect(obstacle({ model: new Bpe(bytes, [], { dropout: 0.5 }) })).toContain('random');
    const far = new Vocab([...bytes.entries(), ['far', 2 ** 21 - 1]]);
    expect(obstacle({ model: new Bpe(far, []) })).toContain('2,097,151');
    expect(obstacle({ model: new WordLevel(vocab, 'a') })).toContain('WordLevel');
    const { plain: one } = characterPair(false, true);
    expect(nativeObstacle(one)).toBeUndefined();
    const model = one.model as Bpe;
    const changed = (parts: Partial<EncoderParts>) => nativeObstacle(one.with(parts));
    const { merges } = rulesOf(one);
    const optioned = (options: object) =>
      changed({ model: new Bpe(model.vocab, merges, { byteFallback: true, ...options }) });
    expect(optioned({})).toBeUndefined();
    expect(optioned({ byteFallback: false })).toContain('byte-level');
    expect(optioned({ ignoreMerges: true })).toBeUndefined();
    expect(optioned({ endOfWordSuffix: '</w>' })).toContain('word');
    expect(changed({ preTokenizer: new ByteLevel() })).toContain('byte-level');
    const metaspace = (replacement: string) =>
      new Metaspace({ replacement, prependScheme: 'first', split: true });
    expect(changed({ preTokenizer: metaspace('▁') })).toBeUndefined();
    expect(changed({ preTokenizer: metaspace('_') })).toContain('Metaspace');
    expect(changed({ preTokenizer: new PreTokenizerSequence([metaspace('▁'), metaspace('▁')]) })).toContain(
      'Sequence',
    );
    const atSpaces = new Split({ String: ' ' }, 'MergedWithPrevious', false);
    expect(changed({ preTokenizer: atSpaces })).toBeUndefined();
    expect(changed({ preTokenizer: atSpaces, normalizer: undefined })).toContain('Split');
    const whole = new Bpe(model.vocab, merges, { byteFallback: true, ignoreMerges: true });
    expect(changed({ model: whole, preTokenizer: metaspace('▁') })).toContain('whole');
    expect(() => native.with({ preTokenizer: regex })).toThrow(
      expect.objectContaining({ code: 'E_UNSUPPORTED', subject: 'native engine' }),
    );
    expect(native.with({ preTokenizer: regex, engine: undefined }).engine).toBeUndefined();
    for (const threads of [0, 1.5, 2000]) {
      expect(() => useNative(plain, { threads })).toThrow(expect.objectContaining({ code: 'E_OPTION' }));
    }
  });

  it('keeps the addon from options that make no sense', () => {
    const { BpeEncoder, ByteDecoder } = loadAddon();
    const good = {
      pattern: 1,
      digits: 3,
      wholeTail: false,
      contractions: true,
      classes: new Uint8Array(0x110000),
      bytes: new Uint8Array(256).map((_, i) => i),
      starts: new Uint32Array(257).map((_, i) => i),
      byteIds: new Int32Array(256).map((_, i) => i),
      rules: Int32Array.of(1, 2, 3),
      ranks: Int32Array.of(0),
      wholePieces: false,
    };
    expect(new BpeEncoder(good).encode('\x01\x02', false)).toEqual(Int32Array.of(3));
    for (const bad of [
      { rules: Int32Array.of(1, 2, 256) },
      { rules: Int32Array.of(1, 2) },
      { ranks: Int32Array.of(-1) },
      { ranks: Float64Array.of(0) },
      { byteIds: new Int32Array(255) },
      { starts: new Uint32Array(257).fill(300) },
      { classes: new Uint8Array(10) },
      { classes: new Uint8Array(0x110000).fill(1) },
      { pattern: 9 },
      { pattern: 10 },
      { endIds: new Int32Array(255) },
      { endIds: new Int32Array(256).fill(256) },
      { runs: new Uint16Array(10), most: Int32Array.of(1) },
      { runs: new Uint16Array(0x110000), most: Int32Array.of(0) },
      { runs: new Uint16Array(0x110000), most: new Int32Array(0) },
      { runs: new Uint16Array(0x110000), most: new Int32Array(9).fill(1) },
      { runs: new Uint16Array(0x110000), most: Int32Array.of(1), pattern: 4 },
      { runs: new Uint16Array(0x110000), most: Int32Array.of(1), pattern: 8 },
      { runs: new Uint8Array(0x110000), most: Int32Array.of(1) },
      { points: Uint32Array.of(0x20ac), pointIds: Int32Array.of(256) },
      { points: Uint32Array.of(0x20ac), pointIds: Int32Array.of(1, 2) },
      { points: Int32Array.of(0x20ac), pointIds: Int32Array.of(1) },
    ]) {
      expect(() => new BpeEncoder({ ...good, ...bad } as typeof good)).toThrow(TypeError);
    }
    expect(() => new ByteDecoder({ ...good, kinds: new Uint8Array(3) })).toThrow(TypeError);
    const decoder = new ByteDecoder({ ...good, kinds: new Uint8Array(256) });
    expect(decoder.decodeText(Int32Array.of(0x41, 0xe9), false)).toBe('A\ufffd');
    for (const call of ['decode', 'decodeText'] as const) {
      expect(decoder[call](Int32Array.of(1, 256), false)).toBe(1);
      expect(decoder[call](Int32Array.of(-1), true)).toBe(0);
      expect(() => decoder[call]([1] as unknown as Int32Array, false)).toThrow(TypeError);
    }
    const encoder = new BpeEncoder(good);
    expect(() => encoder.encode(5 as unknown as string, false)).toThrow(TypeError);
    expect(() => encoder.encodeBatch([5 as unknown as string], false, 2)).toThrow(TypeError);
    expect(() => Reflect.apply(encoder.encode, {}, ['a', false])).toThrow(TypeError);
  });
});
