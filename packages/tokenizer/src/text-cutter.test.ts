import { describe, expect, it } from 'vitest';
import { BYTE_TO_CHAR } from './byte-alphabet.js';
import { Tokenizer } from './tokenizer.js';

/** Expected values are those of Hugging Face tokenizers 0.23.2 on the same tokenizers. */
function tokenizer(parts: object): Tokenizer {
  return Tokenizer.fromJSON({
    model: { type: 'WordLevel', vocab: { '?': 0, x: 1, '▁x': 2 }, unk_token: '?' },
    ...parts,
  });
}

const added = (id: number, content: string, flags: object = {}) => ({
  id,
  content,
  normalized: false,
  ...flags,
});

function encoded(made: Tokenizer, text: string) {
  const { ids, offsets } = made.encode(text, { offsetUnit: 'codePoint' });
  return [[...ids], [...offsets]];
}

describe('cutting at added tokens', () => {
  it('finds the first of those that normalizing makes the same', () => {
    const tokens = [added(3, 'AB', { normalized: true }), added(4, 'ab', { normalized: true })];
    const made = tokenizer({ normalizer: { type: 'Lowercase' }, added_tokens: tokens });
    expect([...made.encodeIds('abAB')]).toEqual([3, 3]);
  });

  it('leaves white space with the token that took it along', () => {
    const space = added(4, '  ', { lstrip: true, rstrip: true });
    const made = tokenizer({ added_tokens: [added(3, 'M', { rstrip: true }), space] });
    expect(encoded(made, 'M     x')).toEqual([
      [3, 1],
      [0, 6, 6, 7],
    ]);
  });

  it('gives white space that is a token to that as well', () => {
    const made = tokenizer({ added_tokens: [added(3, 'M', { rstrip: true }), added(4, '    ')] });
    expect(encoded(made, 'M    x')).toEqual([
      [3, 4, 1],
      [0, 5, 1, 5, 5, 6],
    ]);
  });

  it('knows that a text whose start was dropped does not begin there', () => {
    const made = tokenizer({
      normalizer: { type: 'Strip', strip_left: true, strip_right: false },
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
    });
    expect([...made.encodeIds('x')]).toEqual([2]);
    expect([...made.encodeIds(' x')]).toEqual([1]);
  });
});

it('trims a space before a character of two units by that character', () => {
  const bytes = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
  const vocab = Object.fromEntries(BYTE_TO_CHAR.map((char, id) => [char, id]));
  const made = tokenizer({
    ...{ model: { type: 'BPE', vocab, merges: [] }, pre_tokenizer: bytes, post_processor: bytes },
    added_tokens: [added(256, 'M')],
  });
  expect(encoded(made, 'M🙂')[1]).toEqual([0, 1, 2, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
  expect([...made.encode('M🙂').offsets].slice(2, 6)).toEqual([3, 3, 1, 3]);
});
