import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The committed model folder. */
export const modelDir = fileURLToPath(new URL('./fixtures/gpt2', import.meta.url));

/** A tensor of a fixture file. */
export interface Expected {
  shape: number[];
  values: number[];
}

/** What transformers computed; read here without the package's own reader, so that one cannot hide the other's fault. */
export function readExpected(): { tensors: Record<string, Expected>; about: Record<string, string> } {
  const bytes = readFileSync(fileURLToPath(new URL('./fixtures/gpt2_expected.safetensors', import.meta.url)));
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: about, ...entries } = JSON.parse(bytes.toString('utf8', 8, start));
  const tensors: Record<string, Expected> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets } = entry as {
      dtype: string;
      shape: number[];
      data_offsets: number[];
    };
    const data = bytes.subarray(start + data_offsets[0]!, start + data_offsets[1]!);
    const read: Record<string, [number, (at: number) => number]> = {
      F32: [4, (at) => data.readFloatLE(at)],
      F64: [8, (at) => data.readDoubleLE(at)],
      I64: [8, (at) => Number(data.readBigInt64LE(at))],
    };
    const [size, at] = read[dtype]!;
    tensors[name] = { shape, values: Array.from({ length: data.length / size }, (_, i) => at(i * size)) };
  }
  return { tensors, about };
}

/** The losses of the fixture's training steps as the first kernels computed them. */
export function readFirstLosses(): number[] {
  return JSON.parse(
    readFileSync(fileURLToPath(new URL('./fixtures/first_losses.json', import.meta.url)), 'utf8'),
  );
}
