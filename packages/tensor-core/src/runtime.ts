import { DEVICE_NUMBERS, loadNative, type Native, NativeLoadError, Status } from '@inkstone/native';
import { DTYPES, type DType } from './dtype.js';
import { TensorError } from './errors.js';
import { formatShape, type Shape, sizeOf } from './shape.js';
import { Storage } from './storage.js';

/** Where tensors live. `ref` runs every op in plain float64 TypeScript: slow, exact, needs no compiler. */
export type Device = 'cpu' | 'cuda' | 'ref';

/** Strided elements of a storage: what a kernel sees. Every Tensor is one. */
export interface View {
  readonly storage: Storage;
  /** In elements. */
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: Shape;
  readonly dtype: DType;
}

/** A shape and dtype that an op promises for an output. */
export interface OutputSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

let loaded: Native | null = null;

/**
 * The addon, loaded on first use.
 * @throws TensorError E_NATIVE when there is no usable binary: the message says how to get one.
 */
export function native(): Native {
  if (loaded === null) {
    try {
      loaded = loadNative();
    } catch (cause) {
      if (!(cause instanceof NativeLoadError)) throw cause;
      throw new TensorError('E_NATIVE', 'cpu', 'the native addon must load', cause.message, undefined, {
        cause,
      });
    }
  }
  return loaded;
}

/** Which devices this process can use, with the reason for each that it cannot. */
export function deviceStatus(): Record<Device, { present: boolean; reason: string }> {
  let cpu = '';
  let cuda = 'the native addon did not load';
  try {
    cuda = native().cudaAbsent ?? '';
  } catch (e) {
    cpu = (e as Error).message;
  }
  return {
    cpu: { present: cpu === '', reason: cpu },
    cuda: { present: cuda === '', reason: cuda },
    ref: { present: true, reason: '' },
  };
}

/**
 * A file's bytes as an ArrayBuffer that the operating system pages in when they are touched; null where there is no
 * native addon. Writes to it stay private to the process. The file must not be cut short while it is mapped.
 *
 * @throws Error when the file cannot be opened
 * @example
 * const bytes = mapFile('package.json');
 */
export function mapFile(path: string): ArrayBuffer | null {
  return deviceStatus().cpu.present ? native().addon.mapFile(path) : null;
}

/** @throws TensorError E_DEVICE when the device is unknown or not present. */
export function requireDevice(op: string, device: Device): void {
  if (device === 'cpu') native();
  else if (device === 'cuda') {
    const reason = native().cudaAbsent;
    if (reason !== null)
      throw new TensorError('E_DEVICE', op, 'device cuda must be present', reason, "use device 'cpu'");
  } else if (device !== 'ref')
    throw new TensorError('E_DEVICE', op, "device must be 'cpu', 'cuda' or 'ref'", `'${device}'`);
}

/** A kernel of the addon by name, found on first use, when its attribute layout is compared with ops.def. */
export class Kernel {
  private found = -1;
  constructor(
    readonly name: string,
    /** `i:name;` or `d:name;` for each attribute, as in native/ops.def. */
    readonly layout: string,
  ) {}

  get id(): number {
    return this.found >= 0 ? this.found : this.resolve();
  }

  private resolve(): number {
    const { kernels } = native();
    const id = kernels.findIndex((k) => k.name === this.name);
    const there = kernels[id]?.layout;
    if (there !== this.layout)
      throw new TensorError(
        'E_NATIVE',
        this.name,
        `the addon's kernel must have the attributes '${this.layout}'`,
        there === undefined ? 'no such kernel' : `'${there}'`,
        'rebuild the addon: npm run build',
      );
    this.found = id;
    return id;
  }
}

const HEADER = 5;

function writeView(c: Float64Array, at: number, v: View, handle: number): number {
  const { shape, strides } = v;
  const rank = shape.length;
  c[at] = handle;
  c[at + 1] = v.offset;
  c[at + 2] = DTYPES[v.dtype].code;
  c[at + 3] = rank;
  at += 4;
  for (let i = 0; i < rank; i++) {
    c[at + i] = shape[i]!;
    c[at + rank + i] = strides[i]!;
  }
  return at + 2 * rank;
}

function begin(
  kernel: Kernel,
  device: Device,
  nIn: number,
  nOut: number,
  attrs: readonly number[],
): Float64Array {
  const c = native().command;
  c[0] = kernel.id;
  c[1] = device === 'cuda' ? DEVICE_NUMBERS.cuda : DEVICE_NUMBERS.cpu;
  c[2] = nIn;
  c[3] = nOut;
  c[4] = attrs.length;
  for (let i = 0; i < attrs.length; i++) c[HEADER + i] = attrs[i]!;
  return c;
}

function writeViews(c: Float64Array, at: number, views: readonly View[], op: string): number {
  for (let i = 0; i < views.length; i++) {
    const v = views[i]!;
    if (at + 4 + 2 * v.shape.length > c.length)
      throw new TensorError(
        'E_UNSUPPORTED',
        op,
        'a command must fit its buffer',
        `${views.length} tensors`,
        'split the list',
      );
    at = writeView(c, at, v, v.storage.handle);
  }
  return at;
}

/**
 * Runs a kernel that fills freshly allocated dense outputs, and returns their storages.
 * @throws TensorError E_OOM, E_INDEX, E_UNSUPPORTED or E_NATIVE
 */
export function launch(
  kernel: Kernel,
  device: Device,
  inputs: readonly View[],
  outputs: readonly View[],
  attrs: readonly number[],
): Storage[] {
  const c = begin(kernel, device, inputs.length, outputs.length, attrs);
  let at = writeViews(c, HEADER + attrs.length, inputs, kernel.name);
  const first = at;
  for (let i = 0; i < outputs.length; i++) at = writeView(c, at, outputs[i]!, -1);
  const status = native().addon.launch();
  if (status !== Status.OK) throw failure(kernel, status, inputs, outputs);
  const storages = new Array<Storage>(outputs.length);
  at = first;
  for (let i = 0; i < outputs.length; i++) {
    const { shape, dtype } = outputs[i]!;
    storages[i] = new Storage(device, c[at]!, sizeOf(shape) * DTYPES[dtype].bytes, null);
    at += 4 + 2 * shape.length;
  }
  return storages;
}

/** Runs a kernel that writes into tensors that exist already. */
export function launchInto(
  kernel: Kernel,
  inputs: readonly View[],
  outputs: readonly View[],
  attrs: readonly number[],
): void {
  const c = begin(kernel, outputs[0]!.storage.device, inputs.length, outputs.length, attrs);
  const at = writeViews(c, HEADER + attrs.length, inputs, kernel.name);
  writeViews(c, at, outputs, kernel.name);
  for (let i = 0; i < outputs.length; i++) outputs[i]!.storage.version++;
  const status = native().addon.launch();
  if (status !== Status.OK) throw failure(kernel, status, inputs, outputs);
}

function failure(
  kernel: Kernel,
  status: number,
  inputs: readonly View[],
  outputs: readonly { shape: Shape; dtype: DType }[],
): TensorError {
  const list = [...inputs, ...outputs]
    .slice(0, 8)
    .map((v) => `${v.dtype}${formatShape(v.shape)}`)
    .join(', ');
  switch (status) {
    case Status.OOM:
      return new TensorError(
        'E_OOM',
        kernel.name,
        'memory must suffice',
        list,
        'use smaller batches, or dispose() and scope()',
      );
    case Status.BAD_INDEX:
      return new TensorError(
        'E_INDEX',
        kernel.name,
        'every index must lie inside the axis it selects from',
        list,
      );
    case Status.UNSUPPORTED:
      return new TensorError(
        'E_UNSUPPORTED',
        kernel.name,
        `the ${native().isa} library must support these dtypes`,
        list,
        'cast to f32',
      );
    default:
      return new TensorError(
        'E_NATIVE',
        kernel.name,
        'the addon must accept the command',
        list,
        'this is a bug: please report it',
      );
  }
}
