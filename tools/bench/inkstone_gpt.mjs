// One GPT training step on our tensors, in a process of its own so that its peak memory is its own. Prints JSON.
// usage: inkstone_gpt.mjs LAYERS HEADS WIDTH CONTEXT BATCH VOCAB STEPS [bf16]
import {
  adamw,
  clipFactor,
  Generator,
  globalNorm,
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
const weightDecay = parameters.map((p) => (p.rank >= 2 ? 0.01 : 0));
const ids = () => Int32Array.from({ length: batch * context }, () => Math.floor(Math.random() * vocab));
const x = tensor(ids(), { shape: [batch, context], dtype: 'i32' });
const y = tensor(ids(), { shape: [batch, context], dtype: 'i32' });

const seconds = [];
const live = [];
let value = 0;
for (let step = 1; step <= steps; step++) {
  const start = performance.now();
  scope(() => {
    const loss = withMatmulPrecision(precision, () => model.loss(x, y));
    loss.backward();
    value = loss.item();
    const gradients = parameters.map((p) => p.grad);
    const gradientScale = clipFactor(globalNorm(gradients), 1);
    adamw(parameters, gradients, m, v, { lr: 3e-4, weightDecay, gradientScale, step });
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
