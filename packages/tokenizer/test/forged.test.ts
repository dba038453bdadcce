import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../src/index.js';
import { nativeObstacle } from '../src/native.js';
import { fixture } from './fixture.js';

const names = ['bert', 'classic', 'llama', 'llama3', 'roberta', 'unigram', 'words'];

describe('control tokens that a text spells', () => {
  it('keep a tokenizer from the native engine where it would take them whole', () => {
    const { tokenizer: json } = fixture<{ tokenizer: { pre_tokenizer: unknown } }>('whole-llama3.json');
    expect(nativeObstacle(Tokenizer.fromJSON(json))).toBeUndefined();
    const pre_tokenizer = {
      type: 'ByteLevel',
      add_prefix_space: false,
      trim_offsets: false,
      use_regex: false,
    };
    expect(nativeObstacle(Tokenizer.fromJSON({ ...json, pre_tokenizer }))).toContain('control token');
  });

  it.each(names)('are text for %s, unless asked for', (name) => {
    const { tokenizer: json } = fixture<{ tokenizer: { pre_tokenizer: unknown } }>(`whole-${name}.json`);
    // Cut at spaces alone, so that a spelling reaches the model whole.
    for (const pre_tokenizer of [json.pre_tokenizer, { type: 'WhitespaceSplit' }]) {
      const tokenizer = Tokenizer.fromJSON({ ...json, pre_tokenizer, normalizer: null });
      const special = tokenizer.addedTokens.list.filter((token) => token.special);
      const unknown = (tokenizer.model.toJSON() as { unk_token?: string; unk_id?: number }) ?? {};
      const unk = unknown.unk_id ?? tokenizer.tokenToId(unknown.unk_token ?? '');
      for (const { content, id } of special) {
        if (id === unk) continue;
        for (const text of [content, `a ${content} b`, ` ${content}`]) {
          const options = { addSpecialTokens: false };
          expect(tokenizer.encodeIds(text, options)).not.toContain(id);
          expect(tokenizer.encode(text, options).ids).not.toContain(id);
          expect(tokenizer.encodeIds(text, { ...options, allowedSpecial: 'all' })).toContain(id);
          expect(tokenizer.encodeIds(text, { ...options, allowedSpecial: [content] })).toContain(id);
        }
      }
    }
  });
});
