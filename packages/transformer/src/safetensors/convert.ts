import type { DType, TensorData } from '@inkstone/tensor-core';
import { TransformerError } from '../errors.js';

/** How stored elements become elements of a tensor. */
export interface Conversion {
  /** The dtype of the tensor they are read into; its `copy_` does any further conversion. */
  readonly dtype: DType;
  /** The elements in whole stored bytes, little-endian and aligned. `at` names the tensor, for messages. */
  readonly decode: (bytes: Uint8Array, at: string) => TensorData;
}

type ArrayType<T> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => T;

function view<T extends TensorData>(dtype: DType, array: ArrayType<T>, elementBytes: number): Conversion {
  return {
    dtype,
    decode: (bytes) => new array(bytes.buffer, bytes.byteOffset, bytes.length / elementBytes),
  };
}

// Integers that tensors lack become i32, where they fit.
function integers(
  array: ArrayType<ArrayLike<number | bigint>>,
  elementBytes: number,
  dtype: string,
): Conversion {
  return {
    dtype: 'i32',
    decode(bytes, at) {
      const stored = new array(bytes.buffer, bytes.byteOffset, bytes.length / elementBytes);
      const out = new Int32Array(stored.length);
      for (let i = 0; i < out.length; i++) {
        const value = stored[i]!;
        if (value > 2147483647 || value < -2147483648)
          throw new TransformerError(
            'E_UNSUPPORTED',
            at,
            `${dtype} is read as i32, so every value must fit in 32 bits`,
            `${value}`,
            'store it as I32 or F64',
          );
        out[i] = Number(value);
      }
      return out;
    },
  };
}

/**
 * The conversion of each readable dtype of the format: floats, I32, U8, I8 and BOOL as they are (any byte but 0 is
 * true), other integers to i32 when every value fits.
 */
export const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  F32: view('f32', Float32Array, 4),
  F64: view('f64', Float64Array, 8),
  BF16: view('bf16', Uint16Array, 2),
  F16: view('f16', Uint16Array, 2),
  I32: view('i32', Int32Array, 4),
  U8: view('u8', Uint8Array, 1),
  I8: view('i8', Int8Array, 1),
  BOOL: { dtype: 'bool', decode: (bytes) => bytes.map((x) => (x === 0 ? 0 : 1)) },
  I64: integers(BigInt64Array, 8, 'I64'),
  U64: integers(BigUint64Array, 8, 'U64'),
  U32: integers(Uint32Array, 4, 'U32'),
  I16: integers(Int16Array, 2, 'I16'),
  U16: integers(Uint16Array, 2, 'U16'),
};
