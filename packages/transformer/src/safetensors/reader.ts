import { type FileHandle, open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { type Device, type DType, noGrad, scope, type Tensor, zeros } from '@inkstone/tensor-core';
import { fileError, TransformerError } from '../errors.js';
import { CONVERSIONS, type Conversion } from './convert.js';
import { DTYPE_BITS, headerLength, PREFIX_BYTES, parseHeader, type TensorInfo } from './header.js';

// Large enough for a disk to be fast, small enough to vanish beside any model.
const CHUNK_BYTES = 1 << 22;

/** Options of {@link SafetensorsFile.read}. */
export interface ReadTensorOptions {
  /** Default: the stored dtype, i32 for integers that tensors lack. */
  dtype?: DType;
  /** Default 'cpu'. */
  device?: Device;
  signal?: AbortSignal;
}

/**
 * An open safetensors file. Opening reads the header alone; tensors are read one by one, in chunks that go straight
 * into the tensor's memory, so that the file is never in memory a second time.
 *
 * @example
 * const file = await SafetensorsFile.open('my-model/model.safetensors');
 * try {
 *   const w = await file.read('transformer.wte.weight', { dtype: 'f32' });
 *   w.shape; // => [300, 8]
 * } finally {
 *   await file.close();
 * }
 */
export class SafetensorsFile {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** By name, in the order of their bytes. */
    readonly tensors: ReadonlyMap<string, TensorInfo>,
    /** The `__metadata__` strings. */
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /**
   * Opens a file and checks its header in full.
   * @throws TransformerError E_IO, E_FORMAT
   */
  static async open(path: string): Promise<SafetensorsFile> {
    requireLittleEndian(path);
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const { size } = await handle.stat();
      const prefix = await readUpTo(handle, 0, new Uint8Array(Math.min(PREFIX_BYTES, size)), path);
      const header = new Uint8Array(headerLength(path, prefix, size));
      await readUpTo(handle, PREFIX_BYTES, header, path);
      const { tensors, metadata } = parseHeader(path, header, size);
      return new SafetensorsFile(path, handle, tensors, metadata);
    } catch (error) {
      await handle?.close();
      throw fileError(error, path);
    }
  }

  /** Closes the file; tensors that were read stay. */
  async close(): Promise<void> {
    await this.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Reads one tensor.
   *
   * @param options.dtype converts while reading
   * @throws TransformerError E_ARGUMENT for a name that is not there, E_UNSUPPORTED for a dtype that tensors lack,
   *   E_IO, E_FORMAT when the file has become shorter; TensorError E_OOM, E_DEVICE
   */
  async read(name: string, options: ReadTensorOptions = {}): Promise<Tensor> {
    const info = this.info(name);
    const { dtype } = this.conversion(info);
    const target = zeros(info.shape, { dtype: options.dtype ?? dtype, device: options.device });
    try {
      await this.readInto(name, target, options);
      return target;
    } catch (error) {
      target.dispose();
      throw error;
    }
  }

  /**
   * Reads one tensor into the memory of another of the same shape, converting to its dtype. The target may be a
   * view: into `weight.transpose(0, 1)`, a matrix is transposed while it is read.
   *
   * @throws as {@link SafetensorsFile.read}; TransformerError E_ARGUMENT when the shapes differ
   */
  async readInto(name: string, target: Tensor, options: { signal?: AbortSignal } = {}): Promise<void> {
    const info = this.info(name);
    const conversion = this.conversion(info);
    const at = `${this.path}: ${name}`;
    if (info.shape.join() !== target.shape.join())
      throw new TransformerError(
        'E_ARGUMENT',
        at,
        `the target must have the stored shape [${info.shape.join(', ')}]`,
        `[${target.shape.join(', ')}]`,
        'reshape it',
      );
    // Contiguous memory is filled piece by piece; a strided view row by row, as many rows as fit in a chunk.
    const flat = target.isContiguous;
    const total = flat ? target.size : target.shape[0]!;
    if (target.size === 0) return;
    const unit = (info.end - info.start) / total;
    const step = Math.max(1, Math.floor(CHUNK_BYTES / unit));
    const buffer = new Uint8Array(Math.min(step, total) * unit);
    for (let from = 0; from < total; from += step) {
      options.signal?.throwIfAborted();
      const to = Math.min(total, from + step);
      const bytes = buffer.subarray(0, (to - from) * unit);
      await this.fill(info.start + from * unit, bytes);
      const data = conversion.decode(bytes, at);
      noGrad(() =>
        scope(() => {
          const whole = flat ? target.reshape([total]) : target;
          const part = whole.slice(0, from, to);
          if (flat && target.dtype === conversion.dtype) part.write_(data);
          else part.copy_(zeros(part.shape, { dtype: conversion.dtype, device: target.device }).write_(data));
        }),
      );
    }
  }

  private info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (!info)
      throw new TransformerError(
        'E_ARGUMENT',
        `${this.path}: ${name.slice(0, 200)}`,
        'a tensor of this name must be in the file',
        `${this.tensors.size} others`,
        'list file.tensors.keys()',
      );
    return info;
  }

  private conversion({ name, dtype }: TensorInfo): Conversion {
    const conversion = CONVERSIONS[dtype];
    if (!conversion)
      throw new TransformerError(
        'E_UNSUPPORTED',
        `${this.path}: ${name}`,
        `dtype must be one of ${Object.keys(CONVERSIONS).join(', ')}`,
        `${dtype} (${DTYPE_BITS[dtype]} bits)`,
        'save the model in one of these dtypes',
      );
    return conversion;
  }

  private async fill(position: number, bytes: Uint8Array): Promise<void> {
    try {
      await readUpTo(this.handle, position, bytes, this.path);
    } catch (error) {
      throw fileError(error, this.path);
    }
  }
}

async function readUpTo(
  handle: FileHandle,
  position: number,
  into: Uint8Array,
  path: string,
): Promise<Uint8Array> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
    if (bytesRead === 0)
      throw new TransformerError(
        'E_FORMAT',
        path,
        'the file must not change while it is read',
        `an end after ${position + done} bytes`,
        'wait until it is written in full',
      );
    done += bytesRead;
  }
  return into;
}

/** Files hold little-endian numbers, and are read and written without touching them. */
export function requireLittleEndian(path: string): void {
  if (endianness() !== 'LE')
    throw new TransformerError(
      'E_UNSUPPORTED',
      path,
      'safetensors files are read and written on little-endian machines only',
      endianness(),
      'use x86-64 or arm64',
    );
}
