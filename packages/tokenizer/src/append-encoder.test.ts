import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { AppendEncoder } from './append-encoder.js';
import { fromTiktoken, type TIKTOKEN_ENCODINGS } from './tiktoken.js';
import { Tokenizer } from './tokenizer.js';

interface Tiktoken {
  encodings: { name: keyof typeof TIKTOKEN_ENCODINGS; ranks: string[] }[];
}
const { encodings } = fixture<Tiktoken>('tiktoken.json');
const tokenizers: [string, Tokenizer][] = [
  ['gpt2', Tokenizer.fromJSON(fixture('bpe-tokenizer.json'))],
  ['roberta', Tokenizer.fromJSON(fixture<{ tokenizer: object }>('whole-roberta.json').tokenizer)],
  ['llama', Tokenizer.fromJSON(fixture<{ tokenizer: object }>('whole-llama.json').tokenizer)],
  ...encodings.map(({ name, ranks }): [string, Tokenizer] => [name, fromTiktoken(ranks.join('\n'), name)]),
];

describe('AppendEncoder', () => {
  const unit = fc.constantFrom(
    ..." \n\r\n\n'sSAaBb1!中/".split(''),
    '\u00a0',
    '\u0301',
    '\ud83d',
    '\ude42',
    '<|endoftext|>',
    '<|endof',
    'text|>',
    'ing the ',
  );
  it.each(tokenizers)('%s: the ids are those of the whole text', (_, tokenizer) => {
    const parts = fc.array(fc.array(unit, { maxLength: 8 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(parts, fc.constantFrom('all', 'none'), (lists, allowedSpecial: 'all' | 'none') => {
        const encoder = new AppendEncoder(tokenizer, { allowedSpecial });
        let text = '';
        let before: number[] = [];
        for (const list of lists) {
          text += list.join('');
          const { ids, kept } = encoder.append(list.join(''));
          const whole = [...tokenizer.encodeIds(text, { allowedSpecial, addSpecialTokens: false })];
          expect([...ids]).toEqual(whole);
          expect(whole.slice(0, kept)).toEqual(before.slice(0, kept));
          before = whole;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('settles what lies before the last line', () => {
    const encoder = new AppendEncoder(tokenizers[0]![1]);
    const { ids } = encoder.append('One line.\nAnd');
    const { kept } = encoder.append(' another.');
    expect(kept).toBeGreaterThanOrEqual(ids.length - 2);
  });
});
