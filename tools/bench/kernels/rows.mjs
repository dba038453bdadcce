// Row and elementwise kernels: normalisation, softmax, activations, cross-entropy, the optimizer step.
import {
  adamw,
  clipFactor,
  crossEntropy,
  dropout,
  Generator,
  gelu,
  globalNorm,
  layerNorm,
  rmsNorm,
  rope,
  silu,
  softmax,
  swiglu,
  zeros,
} from '@inkstone/tensor-core';
import { integers, random } from './data.mjs';

const f32 = 4;
const goal = 1.3;
const backward = true;

// Bytes are those that must move: each input read once, each output written once. A backward pass adds dy and dx.
const rowCase = (op, shape, extra = {}) => ({
  name: `${op} ${shape.join('x')}`,
  op,
  shape,
  bytes: 2 * shape[0] * shape[1] * f32,
  peak: 'copy',
  goal,
  ...extra,
});
const both = (op, shape, extra = {}) => [
  rowCase(op, shape, extra),
  rowCase(op, shape, {
    ...extra,
    name: `${op} ${shape.join('x')} forward and backward`,
    backward,
    bytes: 5 * shape[0] * shape[1] * f32,
  }),
];

export const cases = [
  ...both('layerNorm', [4096, 768]),
  ...both('rmsNorm', [4096, 768]),
  ...both('softmax', [4096, 1024]),
  rowCase('softmax', [4096, 4096]),
  ...both('gelu', [2048, 3072]),
  ...both('gelu tanh', [2048, 3072]),
  ...both('silu', [2048, 3072]),
  rowCase('swiglu', [2048, 3072], { bytes: 3 * 2048 * 3072 * f32 }),
  rowCase('swiglu', [2048, 3072], {
    name: 'swiglu 2048x3072 forward and backward',
    backward,
    bytes: 8 * 2048 * 3072 * f32,
  }),
  ...both('dropout', [2048, 3072], { draws: true }),
  ...both('rope', [4096, 1024]),
  ...[
    [4096, 4096],
    [512, 50257],
  ].flatMap((shape) => [
    rowCase('crossEntropy', shape, { bytes: shape[0] * shape[1] * f32, peak: 'read' }),
    rowCase('crossEntropy', shape, {
      name: `crossEntropy ${shape.join('x')} forward and backward`,
      backward,
      bytes: 3 * shape[0] * shape[1] * f32,
    }),
  ]),
  rowCase('adamw', [4096, 4096], { bytes: 7 * 4096 * 4096 * f32 }),
  // All that a training loop does between two backward passes: the gradients are read for their norm, and by the step.
  rowCase('adamw', [4096, 4096], {
    name: 'clipping, adamw and zeroGrad 4096x4096',
    clip: true,
    bytes: 8 * 4096 * 4096 * f32,
  }),
];

export const goals = [{ name: 'f32', match: (c) => c.goal !== undefined, goal }];

/** A run that returns the gradients of f's leaves for a fixed gradient of its result. */
function withGradients(leaves, seed, f) {
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

export function prepare({ op, shape, backward, clip }) {
  const x = random(shape, 1);
  const leaves = [x];
  let f;
  if (op === 'layerNorm' || op === 'rmsNorm') {
    const weight = random([shape[1]], 2);
    leaves.push(weight);
    if (op === 'rmsNorm') f = () => rmsNorm(x, weight, { eps: 1e-5 });
    else {
      const bias = random([shape[1]], 3);
      leaves.push(bias);
      f = () => layerNorm(x, weight, bias);
    }
  } else if (op === 'swiglu') {
    const up = random(shape, 2);
    leaves.push(up);
    f = () => swiglu(x, up);
  } else if (op === 'dropout') {
    const generator = new Generator(1);
    f = () => dropout(x, 0.1, { generator });
  } else if (op === 'rope') {
    // 1024 positions of 16 heads of 64.
    f = () => rope(x.reshape([4, 1024, 16, 64])).reshape(shape);
  } else if (op === 'crossEntropy') {
    const target = integers([shape[0]], 4, shape[1]);
    f = () => crossEntropy(x, target);
    return backward ? withGradients(leaves, undefined, f) : f;
  } else if (op === 'adamw') {
    // One parameter in four pieces, as a model has several.
    const pieces = (seed, std) =>
      [0, 1, 2, 3].map((i) => random([shape[0] / 4, shape[1]], seed + i, { std }));
    const [p, g] = [pieces(10, 1), pieces(20, 0.01)];
    const [m, v] = [p.map((t) => zeros(t.shape)), p.map((t) => zeros(t.shape))];
    let step = 0;
    return () => {
      const gradientScale = clip ? clipFactor(globalNorm(g), 1) : 1;
      adamw(p, g, m, v, { lr: 1e-3, weightDecay: 0.01, gradientScale, step: ++step });
      return p;
    };
  } else {
    f = {
      softmax: () => softmax(x),
      gelu: () => gelu(x),
      'gelu tanh': () => gelu(x, { approximate: 'tanh' }),
      silu: () => silu(x),
    }[op];
  }
  return backward ? withGradients(leaves, random(shape, 5), f) : f;
}
