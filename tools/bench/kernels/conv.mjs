// Convolution, pooling, normalization over channels and recurrent layers.
import {
  avgPool2d,
  batchNorm,
  conv1d,
  conv2d,
  groupNorm,
  gru,
  interpolate,
  lstm,
  maxPool2d,
} from '@inkstone/tensor-core';
import { random } from './data.mjs';

const f32 = 4;
const goal = 1;
const size = (shape) => shape.reduce((a, b) => a * b, 1);
const both = (c) => [
  c,
  { ...c, name: `${c.name} forward and backward`, backward: true, flops: c.flops && 3 * c.flops },
];

// flops of y are 2 outputs times products.
function conv(name, x, weight, options = {}, dtype = 'f32') {
  const stride = options.stride ?? 1;
  const { padding = 0 } = options;
  const positions = x.slice(2).map((n, a) => Math.floor((n + 2 * padding - weight[2 + a]) / stride) + 1);
  const flops = 2 * x[0] * size(positions) * size(weight);
  return both({
    name,
    op: x.length === 3 ? 'conv1d' : 'conv2d',
    x,
    weight,
    options,
    dtype,
    flops,
    peak: dtype,
    goal,
    tolerance: dtype === 'bf16' ? 1e-2 : undefined,
  });
}
function recurrent(op, gates, [T, B, I, H]) {
  const flops = 2 * T * B * gates * H * (I + H);
  return both({ name: `${op} ${T}x${B}x${I}, H ${H}`, op, gates, x: [T, B, I], H, flops, peak: 'f32', goal });
}
const plane = (name, op, x, options, outputs) =>
  both({ name, op, x, options, bytes: (size(x) + outputs) * f32, peak: 'copy', goal });

export const cases = [
  ...conv('conv2d 3x3, 8x64x56x56', [8, 64, 56, 56], [64, 64, 3, 3], { padding: 1 }),
  ...conv('conv2d 1x1, 8x256x28x28 to 64', [8, 256, 28, 28], [64, 256, 1, 1]),
  ...conv('conv2d 3x3, 8x512x7x7', [8, 512, 7, 7], [512, 512, 3, 3], { padding: 1 }),
  ...conv('conv2d 7x7 stride 2, 4x3x224x224', [4, 3, 224, 224], [64, 3, 7, 7], { padding: 3, stride: 2 }),
  ...conv('conv2d depthwise 3x3, 8x128x56x56', [8, 128, 56, 56], [128, 1, 3, 3], { padding: 1, groups: 128 }),
  ...conv('conv1d 5, 16x128x512', [16, 128, 512], [128, 128, 5], { padding: 2 }),
  ...conv('bf16 conv2d 3x3, 8x64x56x56', [8, 64, 56, 56], [64, 64, 3, 3], { padding: 1 }, 'bf16'),
  ...conv('bf16 conv2d 3x3, 8x512x7x7', [8, 512, 7, 7], [512, 512, 3, 3], { padding: 1 }, 'bf16'),
  ...recurrent('lstm', 4, [128, 32, 256, 256]),
  ...recurrent('gru', 3, [128, 32, 256, 256]),
  ...plane(
    'maxPool2d 3x3 stride 2, 8x64x112x112',
    'maxPool2d',
    [8, 64, 112, 112],
    { stride: 2, padding: 1 },
    8 * 64 * 56 * 56,
  ),
  ...plane('avgPool2d 2x2, 8x64x56x56', 'avgPool2d', [8, 64, 56, 56], {}, 8 * 64 * 28 * 28),
  ...plane('batchNorm training, 8x64x56x56', 'batchNorm', [8, 64, 56, 56], {}, 8 * 64 * 56 * 56),
  ...plane('groupNorm 8, 8x64x56x56', 'groupNorm', [8, 64, 56, 56], {}, 8 * 64 * 56 * 56),
  ...plane('bilinear x2, 4x32x64x64', 'interpolate', [4, 32, 64, 64], {}, 4 * 32 * 128 * 128),
];

const isBf16 = (c) => c.name.startsWith('bf16');
export const goals = [
  { name: 'f32', match: (c) => !isBf16(c), goal },
  { name: 'bf16', match: isBf16, goal },
];

/** Leaves and a function of them whose result's gradient is given. */
function problem({ op, x: shape, weight, options, gates, H, dtype = 'f32' }) {
  const x = random(shape, 1, { dtype });
  if (op === 'conv2d' || op === 'conv1d') {
    const w = random(weight, 2, { std: 0.1, dtype });
    const bias = random([weight[0]], 3, { dtype });
    const f = op === 'conv2d' ? conv2d : conv1d;
    return { leaves: [x, w, bias], f: () => f(x, w, bias, options) };
  }
  if (op === 'lstm' || op === 'gru') {
    const [weightIh, weightHh] = [shape[2], H].map((n, i) => random([gates * H, n], 2 + i, { std: 0.05 }));
    const [biasIh, biasHh] = [4, 5].map((seed) => random([gates * H], seed, { std: 0.05 }));
    const weights = { weightIh, weightHh, biasIh, biasHh };
    const f = op === 'lstm' ? lstm : gru;
    return { leaves: [x, ...Object.values(weights)], f: () => f(x, weights).y };
  }
  if (op === 'maxPool2d') return { leaves: [x], f: () => maxPool2d(x, 3, options) };
  if (op === 'avgPool2d') return { leaves: [x], f: () => avgPool2d(x, 2, options) };
  if (op === 'interpolate')
    return { leaves: [x], f: () => interpolate(x, { scaleFactor: 2, mode: 'bilinear' }) };
  const [w, bias] = [2, 3].map((seed) => random([shape[1]], seed));
  return {
    leaves: [x, w, bias],
    f: () =>
      op === 'batchNorm' ? batchNorm(x, { weight: w, bias, training: true }) : groupNorm(x, 8, w, bias),
  };
}

export function prepare(c) {
  const { leaves, f } = problem(c);
  if (!c.backward) return f;
  const seed = random(f().shape, 9, { dtype: c.dtype });
  for (const leaf of leaves) leaf.setRequiresGrad(true);
  return () => {
    for (const leaf of leaves) {
      leaf.grad?.dispose();
      leaf.grad = null;
    }
    f().backward(seed);
    return leaves.map((leaf) => leaf.grad);
  };
}
