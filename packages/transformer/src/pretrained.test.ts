import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Device, Generator, noGrad, Scope, type Tensor, tensor, zeros } from '@inkstone/tensor-core';
import { trainBpe } from '@inkstone/tokenizer';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelDir } from '../test/expected.js';
import { python, runPython } from '../test/python.js';
import { TransformerError } from './errors.js';
import { generate } from './generate.js';
import { GPT } from './gpt.js';
import { exportWeights, fromPretrained, savePretrained } from './pretrained.js';
import { SafetensorsFile } from './safetensors/reader.js';
import { writeSafetensors } from './safetensors/writer.js';

const device: Device = 'ref';
const tiny = { vocab_size: 17, n_positions: 12, n_embd: 8, n_layer: 2, n_head: 2 };
let dir: string;
let scope: Scope;
const models: GPT[] = [];

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'inkstone-pretrained-'));
  scope = new Scope();
});
afterEach(async () => {
  for (const model of models.splice(0)) model.dispose();
  scope[Symbol.dispose]();
  await rm(dir, { recursive: true });
});

const make = (config: ConstructorParameters<typeof GPT>[0] = tiny, seed = 1): GPT => {
  const model = new GPT(config, { device, generator: new Generator(seed) });
  for (const p of model.parameters()) p.copy_(p.add(0.1).mul(3));
  models.push(model);
  return model;
};
const load = async (options: Parameters<typeof fromPretrained>[1] = {}): Promise<GPT> => {
  const model = await fromPretrained(dir, { device, ...options });
  models.push(model);
  return model;
};
const values = (model: GPT) =>
  Object.fromEntries([...model.namedParameters()].map(([name, p]) => [name, [p.shape, ...p.numbers()]]));

/** Saves a model with its weights changed on the way. */
async function saveWith(
  change: (weights: [string, Tensor][]) => [string, Tensor][],
  model = make(),
): Promise<void> {
  await savePretrained(model, dir);
  await writeSafetensors(path.join(dir, 'model.safetensors'), change(exportWeights(model)));
}

async function failure(options = {}): Promise<TransformerError> {
  const error = await load(options).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(TransformerError);
  return error as TransformerError;
}

describe('a saved model', () => {
  it.each([
    ['in one file', tiny, {}],
    ['in shards', tiny, { maxShardSize: 2000 }],
    ['with an output matrix of its own', { ...tiny, tie_word_embeddings: false, n_inner: 12 }, {}],
  ])('loads as it was, %s', async (_, config, options) => {
    const model = make(config);
    await savePretrained(model, dir, options);
    const back = await load();
    expect(back.config).toEqual(model.config);
    expect(values(back)).toEqual(values(model));
    expect(back.training).toBe(false);
  });

  it('has the names and layouts of GPT-2', async () => {
    await savePretrained(make(), dir);
    expect((await readdir(dir)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
    ]);
    const ours = await SafetensorsFile.open(path.join(dir, 'model.safetensors'));
    const theirs = await SafetensorsFile.open(path.join(modelDir, 'model.safetensors'));
    expect([...ours.tensors.keys()].sort()).toEqual([...theirs.tensors.keys()].sort());
    expect(ours.metadata).toEqual(theirs.metadata);
    expect(ours.tensors.get('transformer.h.1.mlp.c_fc.weight')!.shape).toEqual([8, 32]);
    expect(ours.tensors.get('transformer.h.1.mlp.c_proj.weight')!.shape).toEqual([32, 8]);
    await ours.close();
    await theirs.close();
  });

  it('loads in another dtype, which config.json then names', async () => {
    const model = make();
    await savePretrained(model, dir);
    const half = await load({ dtype: 'bf16' });
    for (const [name, p] of half.namedParameters()) {
      expect(p.dtype).toBe('bf16');
      const want = model.stateDict()[name]!.cast('bf16').numbers();
      expect(p.numbers(), name).toEqual(want);
    }
    await savePretrained(half, dir);
    expect(JSON.parse(await readFile(path.join(dir, 'config.json'), 'utf8')).dtype).toBe('bfloat16');
    expect(values(await load())).toEqual(values(half));
  });

  it('loads under the names of the first checkpoints, masks and a tied output matrix passed over', async () => {
    const model = make();
    await saveWith(
      (weights) => [
        ...weights.map(([name, t]) => [name.replace('transformer.', ''), t] as [string, Tensor]),
        ['h.0.attn.bias', zeros([1, 1, 12, 12], { device })],
        ['h.1.attn.masked_bias', zeros([], { device })],
        ['lm_head.weight', model.transformer.wte.weight.detach()],
      ],
      model,
    );
    expect(values(await load())).toEqual(values(model));
  });

  it('tells of its progress, and stops when aborted', async () => {
    await savePretrained(make(), dir);
    const seen: [number, number][] = [];
    await load({ onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.length).toBe(28);
    expect(seen.at(-1)).toEqual([28, 28]);
    const reason = new Error('enough');
    await expect(load({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(savePretrained(make(), dir, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await load();
  });
});

describe('weights that do not fit', () => {
  it('are all named in one error, before anything is read', async () => {
    await saveWith(
      (weights) =>
        weights
          .filter(([name]) => name !== 'transformer.ln_f.bias' && name !== 'transformer.h.1.ln_2.weight')
          .map(([name, t]) => [name, name === 'transformer.wpe.weight' ? zeros([11, 8], { device }) : t])
          .concat([['score.weight', zeros([2, 8], { device })]]) as [string, Tensor][],
    );
    const error = await failure();
    expect(error.code).toBe('E_WEIGHTS');
    expect(error.message).toContain('missing: transformer.h.1.ln_2.weight, transformer.ln_f.bias;');
    expect(error.message).toContain('unexpected: score.weight;');
    expect(error.message).toContain('of another shape: transformer.wpe.weight [11, 8] for [12, 8];');
  });

  it('are named when config.json tells of another model', async () => {
    await savePretrained(make(), dir);
    const file = path.join(dir, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8'));
    const withConfig = async (change: object) => {
      await writeFile(file, JSON.stringify({ ...config, ...change }));
      return failure();
    };
    expect((await withConfig({ n_layer: 3 })).message).toMatch(/missing: transformer\.h\.2\.ln_1\.weight, /);
    expect((await withConfig({ n_layer: 1 })).message).toMatch(/unexpected: transformer\.h\.1\./);
    expect((await withConfig({ tie_word_embeddings: false })).message).toMatch(/missing: lm_head\.weight;/);
    expect((await withConfig({ n_layer: 9999 })).message.length).toBeLessThan(6000);
    expect(await withConfig({ n_embd: 2_000_000_000 })).toMatchObject({ code: 'E_WEIGHTS' });
    expect(await withConfig({ n_head: 3 })).toMatchObject({ code: 'E_CONFIG' });
    expect(await withConfig({ model_type: 'bert' })).toMatchObject({ code: 'E_UNSUPPORTED' });
  });

  it('are refused when a tied output matrix differs from the embedding', async () => {
    const model = make();
    await saveWith(
      (weights) => [...weights, ['lm_head.weight', model.transformer.wte.weight.detach().add(1)]],
      model,
    );
    expect((await failure()).message).toMatch(
      /lm_head.weight: must equal the embedding.*136 elements that differ/,
    );
  });

  it('are refused twice under one name', async () => {
    await saveWith((weights) => [...weights, ['ln_f.bias', zeros([8], { device })]]);
    expect((await failure()).message).toMatch(/unexpected: (transformer\.)?ln_f\.bias/);
  });

  it('are refused when the folder lacks a file', async () => {
    expect((await failure()).message).toMatch(/config.json: it must exist/);
    await cp(path.join(modelDir, 'config.json'), path.join(dir, 'config.json'));
    expect((await failure()).message).toMatch(/must hold model.safetensors/);
    await writeFile(path.join(dir, 'config.json'), '{"model_type": "gpt2"');
    expect(await failure()).toMatchObject({ code: 'E_FORMAT' });
    await writeFile(path.join(dir, 'config.json'), '[]');
    expect(await failure()).toMatchObject({ code: 'E_FORMAT' });
  });

  it('cannot be saved where a file is in the way', async () => {
    await writeFile(path.join(dir, 'file'), '');
    await expect(savePretrained(make(), path.join(dir, 'file'))).rejects.toMatchObject({ code: 'E_IO' });
    await mkdir(path.join(dir, 'out', 'model.safetensors'), { recursive: true });
    await expect(savePretrained(make(), path.join(dir, 'out'))).rejects.toMatchObject({ code: 'E_IO' });
    expect(await readdir(path.join(dir, 'out'))).toEqual(['model.safetensors']);
  });
});

// One process for all folders: starting it takes longer than what it does.
const PROGRAM = `
import json, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
text, ids, folders = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
out = []
for folder in folders:
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    x = torch.tensor([ids])
    model.save_pretrained(folder + "-again", max_shard_size="5KB")
    new = model.generate(x, attention_mask=torch.ones_like(x), do_sample=False, max_new_tokens=12)
    out.append({
        "kind": type(model).__name__,
        "problems": [sorted(map(str, info[k])) for k in ("missing_keys", "unexpected_keys", "mismatched_keys")],
        "ids": tokenizer(text)["input_ids"],
        "text": tokenizer.decode(tokenizer(text)["input_ids"]),
        "logits": model(x).logits[0].flatten().tolist(),
        "new": new[0, len(ids):].tolist(),
    })
print(json.dumps(out))
`;

describe.skipIf(!python)(
  python ? 'transformers in Python' : 'no Python with transformers (set INKSTONE_PYTHON): skipped',
  () => {
    it('loads folders saved here, and saves what loads here: one file, or shards and an output matrix of its own', async () => {
      const text = 'Ink, stone and paper: 墨, 砚, 纸.';
      const tokenizer = await trainBpe([text, 'the stone grinds the ink on the stone'], { vocabSize: 290 });
      const ids = [...tokenizer.encodeIds(text)];
      const saved = [];
      for (const [extra, options] of [
        [{}, {}],
        [{ tie_word_embeddings: false }, { maxShardSize: 20_000 }],
      ] as const) {
        const config = { ...tiny, n_positions: 64, vocab_size: tokenizer.vocabSize, initializer_range: 0.2 };
        const model = new GPT({ ...config, ...extra }, { device, generator: new Generator(9) }).eval();
        models.push(model);
        const folder = path.join(dir, `${saved.length}`);
        await savePretrained(model, folder, options);
        await tokenizer.save(folder);
        saved.push({ model, folder });
      }
      const results = runPython(PROGRAM, [text, JSON.stringify(ids), ...saved.map((s) => s.folder)]);
      for (const [i, { model, folder }] of saved.entries()) {
        const theirs = (results as Record<string, unknown>[])[i]!;
        expect(theirs.kind).toBe('GPT2LMHeadModel');
        expect(theirs.problems).toEqual([[], [], []]);
        expect(theirs.ids).toEqual(ids);
        expect(theirs.text).toBe(text);
        const input = tensor(ids, { shape: [1, ids.length], dtype: 'i32', device });
        const ours = noGrad(() => model.forward(input)).numbers();
        const logits = theirs.logits as number[];
        expect(logits.length).toBe(ours.length);
        expect(Math.max(...ours.map((v, j) => Math.abs(v - logits[j]!)))).toBeLessThan(2e-4);
        const { ids: ourNew } = await generate(model, { prompt: ids, temperature: 0, maxNewTokens: 12 });
        expect(theirs.new).toEqual(ourNew);
        expect(await readdir(`${folder}-again`)).toContain('model.safetensors.index.json');
        const again = await fromPretrained(`${folder}-again`, { device });
        models.push(again);
        expect(values(again)).toEqual(values(model));
      }
    }, 300_000);
  },
);
