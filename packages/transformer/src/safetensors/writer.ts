import { DTYPES, scope, type Tensor, type TensorData } from '@inkstone/tensor-core';
import { PendingFile } from '../files.js';
import { formatHeader } from './header.js';
import { requireLittleEndian } from './reader.js';

const CHUNK_BYTES = 1 << 22;

/** Options of {@link writeSafetensors}. */
export interface WriteOptions {
  /** Strings kept in the header; `{ format: 'pt' }` is what Hugging Face libraries look for. Default none. */
  metadata?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/**
 * Writes tensors to one safetensors file, which is there in full or not at all: temporary file, fsync, rename. One
 * chunk of a tensor at a time is copied, never the whole.
 *
 * @param tensors name and tensor; strided views are written row-major
 * @throws TransformerError E_ARGUMENT for a bad name, E_NO_SPACE, E_IO; the signal's reason
 * @example
 * await writeSafetensors('weights.safetensors', Object.entries({ w: randn([3, 4]) }));
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, Tensor]>,
  options: WriteOptions = {},
): Promise<void> {
  const file = await writePending(path, [...tensors], options);
  try {
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Writes the file in full under its temporary name, synced to the disk. */
export async function writePending(
  path: string,
  tensors: readonly (readonly [string, Tensor])[],
  { metadata = {}, signal }: WriteOptions,
): Promise<PendingFile> {
  requireLittleEndian(path);
  // Wide elements first: then every tensor begins at a multiple of its element size.
  const ordered = [...tensors].sort(
    ([a, s], [b, t]) => DTYPES[t.dtype].bytes - DTYPES[s.dtype].bytes || (a < b ? -1 : a > b ? 1 : 0),
  );
  const header = formatHeader(
    path,
    ordered.map(([name, { dtype, shape }]) => ({ name, dtype, shape })),
    metadata,
  );
  const file = await PendingFile.create(path);
  try {
    await file.write(header);
    for (const [, tensor] of ordered)
      for (const data of chunks(tensor)) {
        signal?.throwIfAborted();
        await file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      }
    await file.finish();
    return file;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** The elements of a tensor, row-major, some megabytes at a time. */
function* chunks(tensor: Tensor): Generator<TensorData> {
  if (tensor.size === 0) return;
  const { bytes } = DTYPES[tensor.dtype];
  const flat = tensor.isContiguous;
  const total = flat ? tensor.size : tensor.shape[0]!;
  const step = Math.max(1, Math.floor(CHUNK_BYTES / ((tensor.size / total) * bytes)));
  for (let from = 0; from < total; from += step)
    yield scope(() => {
      const whole = (flat ? tensor.detach().reshape([total]) : tensor.detach()) as Tensor;
      return whole.slice(0, from, Math.min(total, from + step)).dataSync();
    });
}
