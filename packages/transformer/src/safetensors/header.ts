import type { DType } from '@inkstone/tensor-core';
import { describe, TransformerError } from '../errors.js';
import { parseJson } from '../json.js';

/** One tensor as the header of a safetensors file tells of it. */
export interface TensorInfo {
  readonly name: string;
  /** The format's own name, e.g. `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** The first byte, counted from the start of the file. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** What a header holds. */
export interface Header {
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The `__metadata__` strings. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bits of every element type of the format. Those absent from {@link STORED} can be listed but not read. */
export const DTYPE_BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

/** The element types of tensors under their names in files. */
export const STORED: Readonly<Record<DType, string>> = {
  f32: 'F32',
  f64: 'F64',
  bf16: 'BF16',
  f16: 'F16',
  i32: 'I32',
  u8: 'U8',
  bool: 'BOOL',
  i8: 'I8',
};

/** The reference implementation's limit, against headers that fill the memory. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The bytes before the header: its length as an unsigned little-endian 64-bit integer. */
export const PREFIX_BYTES = 8;

/** How many bytes a tensor of this dtype and shape has in a file, or NaN when they do not come out whole. */
export function storedBytes(dtype: string, shape: readonly number[]): number {
  let bits = DTYPE_BITS[dtype]!;
  for (const size of shape) bits *= size;
  return bits % 8 === 0 ? bits / 8 : Number.NaN;
}

/**
 * Checks the first eight bytes of a file and returns the length of the header.
 * @param fileBytes the size of the whole file
 * @throws TransformerError E_FORMAT
 */
export function headerLength(file: string, prefix: Uint8Array, fileBytes: number): number {
  const refuse = (expected: string, received: string) =>
    new TransformerError('E_FORMAT', file, expected, received, 'download or save the file again');
  if (prefix.length < PREFIX_BYTES)
    throw refuse('a safetensors file must begin with 8 bytes that count its header', `${fileBytes} bytes`);
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES)
    throw refuse(`the header must have at most ${MAX_HEADER_BYTES} bytes`, `a length of ${length}`);
  if (Number(length) > fileBytes - PREFIX_BYTES)
    throw refuse(
      'the header must lie inside the file',
      `a length of ${length} in a file of ${fileBytes} bytes`,
    );
  return Number(length);
}

/**
 * Parses and checks a header: known dtypes, sizes that fit shapes, and byte ranges that tile the rest of the file
 * without holes or overlaps (https://github.com/huggingface/safetensors#format).
 *
 * @param file for messages
 * @param bytes the header without its length prefix
 * @param fileBytes the size of the whole file
 * @throws TransformerError E_FORMAT
 */
export function parseHeader(file: string, bytes: Uint8Array, fileBytes: number): Header {
  const refuse = (subject: string, expected: string, received: string) =>
    new TransformerError('E_FORMAT', subject, expected, received, 'download or save the file again');
  if (bytes[0] !== 0x7b)
    throw refuse(file, "the header must begin with '{'", describe(bytes[0] ?? 'nothing'));
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(file, 'the header must be UTF-8', 'other bytes');
  }
  const root = parseJson(file, text) as Record<string, unknown>;
  const dataStart = PREFIX_BYTES + bytes.length;
  const dataBytes = fileBytes - dataStart;

  const metadata: Record<string, string> = Object.create(null);
  const tensors: TensorInfo[] = [];
  for (const [name, entry] of Object.entries(root)) {
    const subject = `${file}: ${name.slice(0, 200)}`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw refuse(subject, 'must be an object', describe(entry));
    if (name === '__metadata__') {
      for (const [key, value] of Object.entries(entry)) {
        if (typeof value !== 'string') throw refuse(subject, 'all values must be strings', describe(value));
        metadata[key] = value;
      }
      continue;
    }
    const { dtype, shape, data_offsets: range } = entry as Record<string, unknown>;
    if (typeof dtype !== 'string' || !Object.hasOwn(DTYPE_BITS, dtype))
      throw refuse(subject, `dtype must be one of ${Object.keys(DTYPE_BITS).join(', ')}`, describe(dtype));
    if (!isCounts(shape)) throw refuse(subject, 'shape must list non-negative integers', describe(shape));
    if (!isCounts(range) || range.length !== 2 || range[0]! > range[1]! || range[1]! > dataBytes)
      throw refuse(
        subject,
        `data_offsets must be [begin, end] with begin <= end <= ${dataBytes}`,
        describe(range),
      );
    const [begin, end] = range as [number, number];
    const needed = storedBytes(dtype, shape);
    if (needed !== end - begin)
      throw refuse(
        subject,
        `${dtype} of shape [${shape.slice(0, 16).join(', ')}] must have ${needed} bytes`,
        `${end - begin}`,
      );
    tensors.push({ name, dtype, shape, start: dataStart + begin, end: dataStart + end });
  }

  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  let at = dataStart;
  for (const { name, start, end } of tensors) {
    if (start !== at)
      throw refuse(
        `${file}: ${name.slice(0, 200)}`,
        `its bytes must follow those of the tensor before it, at ${at - dataStart}`,
        `${start - dataStart}: ${start < at ? 'an overlap' : 'a hole'}`,
      );
    at = end;
  }
  if (at !== fileBytes)
    throw refuse(
      file,
      'tensors must cover the file to its end',
      `${fileBytes - at} bytes that belong to none`,
    );
  return { tensors: new Map(tensors.map((t) => [t.name, t])), metadata };
}

function isCounts(x: unknown): x is number[] {
  return Array.isArray(x) && x.length <= 64 && x.every((n) => Number.isSafeInteger(n) && n >= 0);
}

/** A tensor to be stored. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * The length prefix and the header of a file that holds these tensors one after the other, padded with spaces so
 * that the data begins at a multiple of 8 bytes.
 *
 * @throws TransformerError E_ARGUMENT for a name twice or `__metadata__`, E_UNSUPPORTED for too many tensors
 */
export function formatHeader(
  file: string,
  tensors: readonly StoredTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) entries.push(['__metadata__', metadata]);
  const names = new Set(['__metadata__']);
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name) || /\p{Surrogate}/u.test(name))
      throw new TransformerError(
        'E_ARGUMENT',
        file,
        "tensor names must be unique, well-formed and not '__metadata__'",
        `'${name}'`,
        'rename it',
      );
    names.add(name);
    const end = at + storedBytes(STORED[dtype], shape);
    entries.push([name, { dtype: STORED[dtype], shape, data_offsets: [at, end] }]);
    at = end;
  }
  // Written entry by entry: an object would reorder names that look like integers.
  const json = `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER_BYTES)
    throw new TransformerError(
      'E_UNSUPPORTED',
      file,
      `the header must fit in ${MAX_HEADER_BYTES} bytes`,
      `${tensors.length} tensors`,
      'save them in several files',
    );
  const out = new Uint8Array(PREFIX_BYTES + length).fill(0x20, PREFIX_BYTES);
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
  out.set(text, PREFIX_BYTES);
  return out;
}
