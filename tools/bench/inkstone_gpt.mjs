// One GPT training step on our tensors, in a process of its own so that its peak memory is its own. Prints JSON.
// usage: inkstone_gpt.mjs LAYERS HEADS WIDTH CONTEXT BATCH VOCAB STEPS [bf16]
import {
  adamw,
  clipGradNorm,
  Generator,
  memory,
  scope,
  tensor,
  withMatmulPrecision,
  zerosLike,
} from '@inkstone/tensor-core';
import { GPT } from '@inkstone/transformer';

const [layers, heads, width, context, batch, vocab, steps] = process.argv.slice(2, 9).map(Number);
const precision = process.argv[9] === 'bf16' ? 'bf16' : 'f32';

const model = new GPT(
  {
    n_layer: layers,
    n_head: heads,
    n_embd: width,
    n_positions: context,
    vocab_size: vocab,
    resid_pdrop: 0,
    embd_pdrop: 0,
    attn_pdrop: 0,
  },
  { generator: new Generator(0) },
);
const parameters = [...model.parameters()];
const [m, v] = [parameters.map((p) => zerosLike(p)), parameters.map((p) => zerosLike(p))];
const decayed = parameters.map((p) => p.rank >= 2);
const ids = () => Int32Array.from({ length: batch * context }, () => Math.floor(Math.random() * vocab));
const x = tensor(ids(), { shape: [batch, context], dtype: 'i32' });
const y = tensor(ids(), { shape: [batch, context], dtype: 'i32' });

const pick = (list, on) => list.filter((_, i) => decayed[i] === on);
const seconds = [];
const live = [];
let value = 0;
for (let step = 1; step <= steps; step++) {
  const start = performance.now();
  scope(() => {
    const loss = withMatmulPrecision(precision, () => model.loss(x, y));
    loss.backward();
    value = loss.item();
    clipGradNorm(parameters, 1);
    const gradients = parameters.map((p) => p.grad);
    for (const on of [true, false])
      adamw(pick(parameters, on), pick(gradients, on), pick(m, on), pick(v, on), {
        lr: 3e-4,
        weightDecay: on ? 0.01 : 0,
        step,
      });
    model.zeroGrad();
  });
  seconds.push((performance.now() - start) / 1e3);
  live.push(memory().live);
  await new Promise((resolve) => setImmediate(resolve));
}

console.log(
  JSON.stringify({
    seconds: seconds.slice(2).sort((a, b) => a - b),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    tensorPeakBytes: memory().peak,
    liveBytes: { first: live[Math.min(9, live.length - 1)], last: live.at(-1) },
    loss: value,
  }),
);
