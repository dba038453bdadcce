// One step of generation for a batch of sequences: GPT-2's smallest model, keys and values of 64 positions cached. The weights
// are multiplied with as they lie, or packed once for all steps.
import { noGrad, PackedWeights } from '@inkstone/tensor-core';
import { GPT } from '@inkstone/transformer';
import { integers, random } from './data.mjs';

const [width, layers, heads, vocabulary, past] = [768, 12, 12, 50257, 64];
const weights = 12 * layers * width ** 2 + vocabulary * width;

const stepCase = (batch, packed) => ({
  name: `GPT-2 small, ${batch} sequences${packed ? ', packed weights' : ''}`,
  batchSize: batch,
  packed,
  flops: 2 * batch * weights,
  peak: 'f32',
});

export const cases = [4, 16, 64].flatMap((batch) => [false, true].map((packed) => stepCase(batch, packed)));

export function prepare({ batchSize, packed }) {
  const model = new GPT({
    vocab_size: vocabulary,
    n_positions: past + 1,
    n_embd: width,
    n_layer: layers,
    n_head: heads,
  }).eval();
  let seed = 0;
  for (const p of model.parameters()) if (p.rank === 2) p.copy_(random(p.shape, ++seed, { std: 0.02 }));
  const cache = model.createCache(batchSize);
  const packs = new PackedWeights(packed ? model.parameters() : []);
  const step = (ids, use) => packs.use(() => noGrad(() => use(ids, cache)));
  step(integers([batchSize, past], 1, vocabulary), (ids) => model.hidden(ids, cache).dispose());
  const next = integers([batchSize, 1], 2, vocabulary);
  const run = () => {
    cache.truncate(past);
    return step(next, (ids) => model.forward(ids, cache));
  };
  const free = () => {
    for (const owner of [packs, cache, model]) owner.dispose();
  };
  return Object.assign(run, { free });
}
