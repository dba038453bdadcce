import { isFloat } from './dtype.js';
import { TensorError } from './errors.js';
import { type PackedWeight, packWeight } from './packedWeight.js';
import { matmulPrecision } from './precision.js';
import type { Tensor } from './tensor.js';

// The packs that products look into: those of the innermost `use`.
let current: PackedWeights | null = null;

/**
 * The weights of a model, each packed when {@link linear} first multiplies with it inside {@link PackedWeights.use}, and kept
 * for later products: what the steps of a generation share. A weight that has changed since, or meets another precision, is
 * packed anew, so a pack is never stale.
 *
 * Products that record a gradient use the weights themselves. See {@link packWeight} for what packing costs and changes.
 *
 * @example
 * using packs = new PackedWeights(model.parameters());
 * packs.use(() => noGrad(() => model.forward(ids))).shape; // => [B, T, 16]
 */
export class PackedWeights implements Disposable {
  private readonly packs: Map<Tensor, PackedWeight | null>;
  private alive = true;

  /** @param weights tensors that may be packed; those that are no float matrices are passed over */
  constructor(weights: Iterable<Tensor>) {
    const matrices = [...weights].filter((w) => w.rank === 2 && isFloat(w.dtype));
    this.packs = new Map(matrices.map((w) => [w, null]));
  }

  /** The memory of all packs so far. */
  get bytes(): number {
    let total = 0;
    for (const pack of this.packs.values()) total += pack?.bytes ?? 0;
    return total;
  }

  /**
   * Runs `f`, in which products with these weights use their packs.
   * @throws TensorError E_DISPOSED; TypeError when `f` returns a Promise: the packs would be out of use before it is done
   */
  use<R>(f: () => R): R {
    if (!this.alive)
      throw new TensorError('E_DISPOSED', 'PackedWeights', 'must be alive', 'disposed ones', 'make new ones');
    const before = current;
    current = this;
    try {
      const result = f();
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new TypeError('PackedWeights: the function must be synchronous; received a Promise');
      }
      return result;
    } finally {
      current = before;
    }
  }

  /** @internal The pack of a weight, as the weight is now; null where there is to be none. */
  packFor(weight: Tensor): PackedWeight | null {
    const there = this.packs.get(weight);
    if (there === undefined || weight.disposed) return null;
    if (there === null) {
      const made = packWeight(weight);
      this.packs.set(weight, made);
      return made;
    }
    if (there.stale || !there.suits(matmulPrecision())) there.refresh();
    return there;
  }

  /** Frees all packs; the weights stay. */
  dispose(): void {
    this.alive = false;
    for (const [weight, pack] of this.packs) {
      pack?.dispose();
      this.packs.set(weight, null);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** @internal What {@link PackedWeights.use} offers for a product. */
export const packFor = (weight: Tensor): PackedWeight | null =>
  current === null ? null : current.packFor(weight);
