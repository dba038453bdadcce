import { requireFloat } from './dtype.js';
import { TensorError } from './errors.js';
import { describe } from './op.js';
import { matrix } from './ops/matmul.js';
import { type MatmulPrecision, matmulPrecision } from './precision.js';
import { Kernel, launch, launchInto, native, type View } from './runtime.js';
import type { Storage } from './storage.js';
import type { Tensor } from './tensor.js';

const sizeKernel = new Kernel('packed_weight_size', 'i:bf16;');
const packKernel = new Kernel('pack_weight', 'i:bf16;');

/**
 * A copy of a weight in the order in which the kernels of this machine multiply, made once for many products: see
 * {@link packWeight}. It belongs to its weight: it is used only while the weight lives and has not been written to, and
 * frees nothing but the copy.
 *
 * @example
 * using packed = packWeight(ones([5, C]));
 * linear(x, packed).shape; // => [B, T, 5]
 */
export class PackedWeight implements Disposable {
  private storage: Storage | null = null;
  private version = -1;
  private alive = true;
  private packedFor: MatmulPrecision = 'f32';

  /** @internal Use {@link packWeight}. */
  constructor(
    /** What was packed, [out, in]. */
    readonly weight: Tensor,
  ) {
    this.refresh();
  }

  /** What f32 products with it multiply in. */
  get precision(): MatmulPrecision {
    return this.packedFor;
  }
  /** The memory of the copy; 0 on the device `ref`, which packs nothing. */
  get bytes(): number {
    return this.storage?.bytes ?? 0;
  }
  get disposed(): boolean {
    return !this.alive;
  }
  /** True when the weight has been written to, or disposed of, since it was packed. */
  get stale(): boolean {
    return this.weight.disposed || this.version !== this.weight.storage.version;
  }

  /** @internal Whether products of this precision may use it: f32 weights alone are packed for one. */
  suits(precision: MatmulPrecision): boolean {
    return this.weight.dtype !== 'f32' || this.packedFor === precision;
  }

  /** @internal @throws TensorError E_DISPOSED, E_UNSUPPORTED */
  assertUsable(op: string, precision: MatmulPrecision): void {
    if (!this.alive)
      throw new TensorError(
        'E_DISPOSED',
        op,
        'packed weights must be alive',
        `a disposed pack of ${describe(this.weight)}`,
        'pack the weight again',
      );
    this.weight.assertAlive(op);
    if (this.stale)
      throw new TensorError(
        'E_UNSUPPORTED',
        op,
        'a weight must not have changed since it was packed',
        `a stale pack of ${describe(this.weight)}`,
        'call refresh() on the pack',
      );
    if (!this.suits(precision))
      throw new TensorError(
        'E_UNSUPPORTED',
        op,
        `the weight must be packed for products in ${precision}`,
        `one packed for ${this.packedFor}`,
        'call refresh() on the pack, in that precision',
      );
  }

  /** @internal One more reference to the copy, as a kernel's input. */
  panels(): View {
    const storage = this.storage!.retain();
    return { storage, offset: 0, shape: [storage.bytes], strides: [1], dtype: 'u8' };
  }

  /**
   * Packs the weight anew, as it is now and for the precision in force.
   * @throws TensorError E_DISPOSED, E_OOM
   */
  refresh(): void {
    const { weight } = this;
    weight.assertAlive('packWeight');
    if (!this.alive)
      throw new TensorError('E_DISPOSED', 'packWeight', 'packed weights must be alive', 'a disposed pack');
    const precision = matmulPrecision();
    const { device } = weight;
    if (device !== 'ref') {
      const attrs = [precision === 'bf16' ? 1 : 0];
      const view = matrix(weight);
      try {
        const bytes = askSize(view, attrs);
        if (this.bytes !== bytes) this.free();
        this.version = -1;
        const out = { shape: [bytes], strides: [1], offset: 0, dtype: 'u8' as const };
        if (this.storage) launchInto(packKernel, [view], [{ ...out, storage: this.storage }], attrs);
        else {
          this.storage = launch(packKernel, device, [view], [{ ...out, storage: view.storage }], attrs)[0]!;
          this.storage.watch();
        }
      } finally {
        if (view.storage !== weight.storage) view.storage.release();
      }
    }
    this.packedFor = precision;
    this.version = weight.storage.version;
  }

  /** Frees the copy. Calling it again does nothing; using the pack then throws E_DISPOSED. */
  dispose(): void {
    this.alive = false;
    this.free();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private free(): void {
    this.version = -1;
    this.storage?.release();
    this.storage = null;
  }
}

// The loaded library alone knows its layout.
function askSize(view: View, attrs: readonly number[]): number {
  const out: View = { shape: [1], strides: [1], offset: 0, dtype: 'f64', storage: view.storage };
  const [storage] = launch(sizeKernel, view.storage.device, [view], [out], attrs);
  const value = new Float64Array(1);
  native().addon.read(storage!.handle, 0, value);
  storage!.release();
  return value[0]!;
}

/**
 * Packs a weight once for many products that record no gradient: what {@link linear}, and {@link matmulInt8} for bytes,
 * otherwise does on every call, and what takes most of its time for 9 to 64 rows. Products of more than eight rows keep their bits; fewer rows are read from the
 * pack too, and summed in another order than from the weight. A row's bits do not depend on the other rows.
 *
 * The copy costs memory beside the weight, and counts in {@link memory}: 4 bytes an element for f32 and f16, 8 for f64, and
 * for bf16, or f32 under `withMatmulPrecision('bf16')`, 2 with AVX-512 and 4 elsewhere, for i8 1 and 2; `in` is
 * rounded up to multiples of up to 4, `out` to whole panels of 8 to 32.
 *
 * @param weight float or i8, [out, in], any strides
 * @returns to be disposed of
 * @throws TensorError E_SHAPE, E_DTYPE, E_OOM, E_UNSUPPORTED where the device cannot
 * @example
 * using packed = packWeight(ones([5, C]));
 * linear(x, packed, zeros([5]), { activation: 'gelu' }).shape; // => [B, T, 5]
 */
export function packWeight(weight: Tensor): PackedWeight {
  weight.assertAlive('packWeight');
  if (weight.dtype !== 'i8') requireFloat('packWeight', weight.dtype);
  if (weight.rank !== 2)
    throw new TensorError('E_SHAPE', 'packWeight', 'the weight must be [out, in]', describe(weight));
  return new PackedWeight(weight);
}
