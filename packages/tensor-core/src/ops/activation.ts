import { apply1 } from '../op.js';
import type { Tensor } from '../tensor.js';
import { gelu, geluGrad, geluSlope, geluValue } from './gelu.js';
import { relu } from './relu.js';
import { silu, siluGrad, siluSlope, siluValue } from './silu.js';

/** An activation that a product can apply as it reads or writes: relu, gelu (exact), geluTanh, silu. */
export type Activation = 'relu' | 'gelu' | 'geluTanh' | 'silu';

interface ActivationRule {
  /** The number in native/ops.def. */
  readonly code: number;
  readonly value: (x: number) => number;
  readonly slope: (x: number) => number;
  readonly apply: (x: Tensor) => Tensor;
  /** dx from x and dy. */
  readonly grad: (x: Tensor, dy: Tensor) => Tensor;
}

/** @internal */
export const ACTIVATIONS: Readonly<Record<Activation, ActivationRule>> = {
  relu: {
    code: 1,
    value: (x) => Math.max(x, 0),
    slope: (x) => (x > 0 ? 1 : 0),
    apply: relu,
    grad: (x, dy) => x.gt(0).where(dy, 0),
  },
  gelu: {
    code: 2,
    value: geluValue.none,
    slope: geluSlope.none,
    apply: (x) => gelu(x),
    grad: (x, dy) => apply1(geluGrad, [x, dy], { approximate: 'none' }),
  },
  geluTanh: {
    code: 3,
    value: geluValue.tanh,
    slope: geluSlope.tanh,
    apply: (x) => gelu(x, { approximate: 'tanh' }),
    grad: (x, dy) => apply1(geluGrad, [x, dy], { approximate: 'tanh' }),
  },
  silu: {
    code: 4,
    value: siluValue,
    slope: siluSlope,
    apply: silu,
    grad: (x, dy) => apply1(siluGrad, [x, dy], undefined),
  },
};
