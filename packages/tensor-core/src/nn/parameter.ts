import { keep } from '../scope.js';
import { Tensor } from '../tensor.js';

/**
 * A tensor that a module owns and training changes. It belongs to no scope, and records operations.
 *
 * @example
 * const weight = new Parameter(randn([4, 3], { std: 0.02 }));
 */
export class Parameter extends Tensor {
  /** Takes over a contiguous tensor: the original handle is disposed of. */
  constructor(t: Tensor, requiresGrad = true) {
    super(t.storage.retain(), t.shape, t.strides, t.offset, t.dtype);
    keep(this);
    t.dispose();
    if (requiresGrad) this.setRequiresGrad();
  }
}
