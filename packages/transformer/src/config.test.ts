import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatGPTConfig, type GPTConfigInput, gptConfig, parseGPTConfig } from './config.js';
import { TransformerError } from './errors.js';

const error = (f: () => unknown): TransformerError => {
  try {
    f();
  } catch (e) {
    if (e instanceof TransformerError) return e;
    throw e;
  }
  throw new Error('nothing was thrown');
};

describe('a configuration', () => {
  it('has the defaults of GPT-2 small', () => {
    expect(gptConfig({})).toMatchObject({
      vocab_size: 50257,
      n_positions: 1024,
      n_embd: 768,
      n_layer: 12,
      n_head: 12,
      n_inner: null,
      eos_token_id: 50256,
      tie_word_embeddings: true,
    });
    // An id that the vocabulary does not have cannot end anything.
    expect(gptConfig({ vocab_size: 4096 }).eos_token_id).toBeNull();
  });

  it('survives config.json', () => {
    const n = fc.integer({ min: 1, max: 64 });
    const id = fc.option(fc.nat(100));
    const p = fc.double({ min: 0, max: 0.99, noNaN: true });
    const configs = fc.record(
      {
        vocab_size: n,
        n_positions: n,
        n_layer: n,
        n_inner: fc.option(n),
        activation_function: fc.constantFrom('gelu_new', 'gelu', 'relu', 'silu'),
        resid_pdrop: p,
        attn_pdrop: p,
        tie_word_embeddings: fc.boolean(),
        scale_attn_by_inverse_layer_idx: fc.boolean(),
        bos_token_id: id,
        eos_token_id: fc.oneof(id, fc.array(fc.nat(100), { minLength: 1, maxLength: 3 })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(configs, fc.constantFrom('f32', 'bf16', 'f16', 'f64' as const), (input, dtype) => {
        const config = gptConfig(input as GPTConfigInput);
        const json = JSON.parse(JSON.stringify(formatGPTConfig(config, dtype)));
        expect(parseGPTConfig(json)).toEqual({ config, dtype });
      }),
    );
  });

  it('reads what transformers 4 and 5 write', async () => {
    const old = {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      torch_dtype: 'bfloat16',
      n_ctx: 1024,
      summary_type: 'cls_index',
      task_specific_params: { 'text-generation': { do_sample: true } },
      transformers_version: '4.30.0',
    };
    expect(parseGPTConfig(old)).toEqual({ config: gptConfig({}), dtype: 'bf16' });
    expect(parseGPTConfig({ model_type: 'gpt2', dtype: 'float16' }).dtype).toBe('f16');
    expect(parseGPTConfig({ model_type: 'gpt2', hidden_size: 96 }).config.n_embd).toBe(96);
    const fixture = new URL('../test/fixtures/gpt2/config.json', import.meta.url);
    const { config } = parseGPTConfig(JSON.parse(await readFile(fixture, 'utf8')));
    expect(config).toMatchObject({ vocab_size: 96, n_positions: 32, n_embd: 32, n_layer: 2, n_head: 4 });
  });

  it.each<[Record<string, unknown>, string, RegExp]>([
    [{ n_layer: 0 }, 'E_CONFIG', /n_layer.*"n_layer":0/],
    [{ n_head: 5 }, 'E_CONFIG', /n_embd: must be a multiple of n_head, 5; received 768/],
    [{ resid_pdrop: 1, vocab_size: '3' }, 'E_CONFIG', /vocab_size.*resid_pdrop/],
    [{ n_positions: 1.5 }, 'E_CONFIG', /n_positions/],
    [{ layer_norm_epsilon: Number.NaN }, 'E_CONFIG', /layer_norm_epsilon/],
    [{ n_embd: 96, hidden_size: 64 }, 'E_CONFIG', /hidden_size: must equal n_embd, 96; received 64/],
    [{ activation_function: 'mish' }, 'E_UNSUPPORTED', /activation_function.*"mish"/],
    [{ model_type: 'llama' }, 'E_UNSUPPORTED', /model_type.*"llama"/],
    [{ add_cross_attention: true }, 'E_UNSUPPORTED', /add_cross_attention/],
    [{ quantization_config: { bits: 4 } }, 'E_UNSUPPORTED', /quantization_config/],
    [{ pruned_heads: { 1: [2] } }, 'E_UNSUPPORTED', /pruned_heads/],
    [{ torch_dtype: 'float8' }, 'E_UNSUPPORTED', /torch_dtype.*float32/],
  ])('%j is refused', (json, code, message) => {
    const e = error(() => parseGPTConfig({ model_type: 'gpt2', ...json }));
    expect(e.code).toBe(code);
    expect(e.message).toMatch(message);
  });

  it('names a key it does not know', () => {
    expect(error(() => gptConfig({ n_layers: 3 } as GPTConfigInput)).message).toMatch(/n_layers/);
  });
});
