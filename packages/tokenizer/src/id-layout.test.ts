import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixture } from '../test/fixture.js';
import { expectSame } from '../test/same.js';
import { Encoding } from './encoding.js';
import { BertProcessing, RobertaProcessing } from './post-processors/bert.js';
import { ByteLevelProcessor } from './post-processors/byte-level.js';
import type { PostProcessor } from './post-processors/post-processor.js';
import { PostProcessorSequence, type TemplatePiece, TemplateProcessing } from './post-processors/template.js';
import { type EncodeOptions, Tokenizer } from './tokenizer.js';

const { tokenizer: bert } = fixture<{ tokenizer: object }>('whole-bert.json');
const plain = Tokenizer.fromJSON(bert);

const text = (id: 'A' | 'B'): TemplatePiece => ({ Sequence: { id, type_id: 0 } });
const special = (id: string): TemplatePiece => ({ SpecialToken: { id, type_id: 1 } });
const tokens = [
  { id: 'one', ids: [2], tokens: ['[CLS]'] },
  { id: 'two', ids: [3, 1], tokens: ['[SEP]', '[UNK]'] },
];
const template = new TemplateProcessing(
  [special('two'), text('A'), special('one')],
  [text('B'), special('one'), text('A'), special('two')],
  tokens,
);
/** Puts in what depends on the text. */
const counting: PostProcessor = {
  type: 'Counting',
  addedTokens: () => 1,
  process: (encodings, special) =>
    special ? [...encodings, Encoding.ofSpecial([encodings[0]!.length % 5], 0)] : encodings,
  toJSON: () => ({}),
};
const processors: Record<string, PostProcessor | undefined> = {
  none: undefined,
  'of BERT': new BertProcessing(['[SEP]', 3], ['[CLS]', 2]),
  'of RoBERTa': new RobertaProcessing(['[SEP]', 3], ['[CLS]', 2], true, true),
  'of GPT-2': new ByteLevelProcessor(true, true, true),
  'a template': template,
  'a template with a text twice': new TemplateProcessing(
    [text('A'), special('one'), text('A')],
    [text('A')],
    tokens,
  ),
  'a sequence': new PostProcessorSequence([new ByteLevelProcessor(true, true, true), template]),
  'of one’s own': counting,
};

const options: fc.Arbitrary<EncodeOptions> = fc.record(
  {
    pair: fc.constantFrom('', 'the other text', 'a'),
    addSpecialTokens: fc.boolean(),
    truncation: fc.option(
      fc.record(
        {
          maxLength: fc.integer({ min: 0, max: 12 }),
          stride: fc.integer({ min: 0, max: 3 }),
          strategy: fc.constantFrom('LongestFirst', 'OnlyFirst', 'OnlySecond'),
          direction: fc.constantFrom('Left', 'Right'),
        },
        { requiredKeys: ['maxLength'] },
      ),
    ),
    padding: fc.option(
      fc.record(
        {
          length: fc.oneof(fc.constant('longest' as const), fc.integer({ min: 0, max: 15 })),
          padId: fc.constant(0),
          padToken: fc.constant('[PAD]'),
          direction: fc.constantFrom('Left', 'Right'),
          multipleOf: fc.integer({ min: 0, max: 5 }),
        },
        { requiredKeys: ['length', 'padId', 'padToken'] },
      ),
    ),
  },
  { requiredKeys: [] },
);

/** What a call gives, or how it fails. */
function outcome<T>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    return (error as Error).message;
  }
}

describe.each(Object.entries(processors))('ids laid out by the post-processor %s', (_, postProcessor) => {
  it('are those of whole encodings', () => {
    const tokenizer = plain.with({ postProcessor });
    const texts = fc.array(fc.constantFrom('', 'ink', 'the ink stone is old', 'a b c d e f g'), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(texts, options, (some, given) => {
        const expected = outcome(() => tokenizer.encodeBatch(some, given).map(({ ids }) => ids));
        expectSame(
          outcome(() => tokenizer.encodeIdsBatch(some, given)),
          expected,
        );
        for (const one of some) {
          expectSame(
            outcome(() => tokenizer.encodeIds(one, given)),
            outcome(() => tokenizer.encode(one, given).ids),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('refuses lengths that are no number of tokens', () => {
  const padding = { length: 5, padId: 0, padToken: '[PAD]' };
  for (const bad of [
    { length: -1 },
    { length: 1.5 },
    { length: Number.NaN },
    { multipleOf: 0.5 },
    { multipleOf: -2 },
  ]) {
    const error = expect.objectContaining({ code: 'E_OPTION' });
    expect(() => plain.encode('ink', { padding: { ...padding, ...bad } })).toThrow(error);
    expect(() => plain.encodeIds('ink', { padding: { ...padding, ...bad } })).toThrow(error);
  }
});
