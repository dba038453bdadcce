import { DTYPES, decode, encode, type TensorData } from './dtype.js';
import { type Device, Kernel, launch, launchInto, native, type View } from './runtime.js';
import { broadcastStrides, denseStrides, isDense, type Shape, sameShape, sizeOf } from './shape.js';
import { allocate, Storage } from './storage.js';

// Views are rearranged here without making tensors. A function that had to copy returns a view over a new storage,
// which the caller releases; apply() does so for kernel inputs.

const copyKernel = new Kernel('copy', '');

/** The elements of a `ref` view, row-major. */
export function gatherValues(v: View): Float64Array {
  const values = v.storage.values!;
  const n = sizeOf(v.shape);
  if (isDense(v.shape, v.strides)) return values.subarray(v.offset, v.offset + n);
  const out = new Float64Array(n);
  eachOffset(v, (offset, i) => {
    out[i] = values[offset]!;
  });
  return out;
}

/** Calls f with the storage offset of every element in row-major order. */
export function eachOffset(
  v: { shape: Shape; strides: Shape; offset: number },
  f: (offset: number, i: number) => void,
): void {
  const { shape, strides } = v;
  const rank = shape.length;
  const n = sizeOf(shape);
  const index = new Array<number>(rank).fill(0);
  let offset = v.offset;
  for (let i = 0; i < n; i++) {
    f(offset, i);
    for (let a = rank - 1; a >= 0; a--) {
      offset += strides[a]!;
      if (++index[a]! < shape[a]!) break;
      offset -= shape[a]! * strides[a]!;
      index[a] = 0;
    }
  }
}

/** The same elements row-major: the view itself when it is dense already, a copy otherwise. */
export function toDense(v: View): View {
  if (isDense(v.shape, v.strides)) return v;
  const out = { shape: v.shape, strides: denseStrides(v.shape), offset: 0, dtype: v.dtype };
  if (v.storage.values) {
    const values = gatherValues(v);
    return { ...out, storage: new Storage('ref', -1, values.length * DTYPES[v.dtype].bytes, values) };
  }
  const [storage] = launch(copyKernel, v.storage.device, [v], [{ ...out, storage: v.storage }], []);
  return { ...out, storage: storage! };
}

/** Like {@link toDense}, but any strides are fine as long as the last axis has stride 1. */
export function toRows(v: View): View {
  const last = v.shape.length - 1;
  return last < 0 || v.strides[last] === 1 || v.shape[last] === 1 ? unitLast(v) : toDense(v);
}

// An axis of size 1 may carry any stride; kernels are promised 1.
function unitLast(v: View): View {
  const last = v.shape.length - 1;
  if (last < 0 || v.strides[last] === 1) return v;
  const strides = [...v.strides];
  strides[last] = 1;
  return { storage: v.storage, offset: v.offset, shape: v.shape, strides, dtype: v.dtype };
}

/** [.., C] as [n, C] with the last axis of stride 1; copies when the outer axes cannot be merged into one stride. */
export function toMatrix(v: View): View {
  const rank = v.shape.length;
  const columns = v.shape[rank - 1] ?? 1;
  const rows = rank === 0 ? 1 : sizeOf(v.shape) / (columns || 1);
  const shape = [columns === 0 ? sizeOf(v.shape.slice(0, -1)) : rows, columns];
  const r = toRows(v);
  let stride = columns;
  let step = -1;
  for (let a = rank - 2; a >= 0; a--) {
    if (r.shape[a] === 1) continue;
    if (step === -1) stride = r.strides[a]!;
    else if (r.strides[a] !== step) {
      const dense = toDense(r);
      if (r.storage !== v.storage && dense.storage !== r.storage) r.storage.release();
      return { storage: dense.storage, offset: dense.offset, shape, strides: [columns, 1], dtype: v.dtype };
    }
    step = r.strides[a]! * r.shape[a]!;
  }
  return { storage: r.storage, offset: r.offset, shape, strides: [stride, 1], dtype: v.dtype };
}

/** The view stretched to a shape it broadcasts to. */
export function broadcastView(v: View, shape: Shape): View {
  if (sameShape(v.shape, shape)) return v;
  return {
    storage: v.storage,
    offset: v.offset,
    shape,
    strides: broadcastStrides(v.shape, v.strides, shape),
    dtype: v.dtype,
  };
}

/** The view with its axes in another order. */
export function permuteView(v: View, order: readonly number[]): View {
  return {
    storage: v.storage,
    offset: v.offset,
    shape: order.map((a) => v.shape[a]!),
    strides: order.map((a) => v.strides[a]!),
    dtype: v.dtype,
  };
}

const readRaw = (v: View): TensorData => {
  const { array, bytes } = DTYPES[v.dtype];
  const dense = toDense(v);
  const out = new array(sizeOf(v.shape));
  native().addon.read(dense.storage.handle, dense.offset * bytes, out);
  if (dense.storage !== v.storage) dense.storage.release();
  return out;
};

/** Copies elements between views of one shape, whatever their dtypes, devices and strides. */
export function copyInto(target: View, source: View): void {
  const to: Device = target.storage.device;
  const from: Device = source.storage.device;
  if (to === from && to !== 'ref') {
    launchInto(copyKernel, [source], [target], []);
  } else if (to === 'ref') {
    const values = from === 'ref' ? gatherValues(source).slice() : decode(source.dtype, readRaw(source));
    const { round } = DTYPES[target.dtype];
    const into = target.storage.values!;
    target.storage.version++;
    eachOffset(target, (offset, i) => {
      into[offset] = round(values[i]!);
    });
  } else {
    // Through the host, then a device copy that converts and scatters.
    const raw = from === 'ref' ? encode(source.dtype, gatherValues(source)) : readRaw(source);
    const { bytes } = DTYPES[source.dtype];
    const staging: View = {
      ...source,
      offset: 0,
      strides: denseStrides(source.shape),
      storage: stage(to, raw, bytes),
    };
    launchInto(copyKernel, [staging], [target], []);
    staging.storage.release();
  }
}

function stage(device: 'cpu' | 'cuda', raw: TensorData, elementBytes: number): Storage {
  const storage = allocate('copy', device, raw.length, elementBytes);
  native().addon.write(storage.handle, 0, raw);
  return storage;
}
