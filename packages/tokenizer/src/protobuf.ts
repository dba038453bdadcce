import { TokenizerError } from './errors.js';

/** A field of a message: its number and its value, bytes for length-delimited ones. */
export type ProtoField =
  | { number: number; value: number; bytes?: undefined }
  | { number: number; bytes: Uint8Array; value?: undefined };

/**
 * The fields of a Protocol Buffers message, in order (wire types 0, 1, 2 and 5; varints above 2^53 lose their low
 * bits). Fixed 32-bit fields are given as their bits.
 *
 * @throws {TokenizerError} E_FORMAT where the bytes are no such message.
 */
export function* readProto(bytes: Uint8Array, subject: string): Generator<ProtoField> {
  let at = 0;
  const fail = (received: string) =>
    new TokenizerError('E_FORMAT', subject, {
      rule: 'must be a Protocol Buffers message',
      received: `${received} at byte ${at} of ${bytes.length}`,
      fix: 'check that the file is complete',
    });
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.length) throw fail('the end of the data');
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw fail('a number without an end');
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === 0) {
      yield { number, value: varint() };
      continue;
    }
    const size = wire === 2 ? varint() : wire === 5 ? 4 : wire === 1 ? 8 : -1;
    if (size < 0) throw fail(`wire type ${wire}`);
    if (at + size > bytes.length) throw fail(`a field of ${size} bytes`);
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, size);
    if (wire === 2) yield { number, bytes: bytes.subarray(at, at + size) };
    else yield { number, value: wire === 5 ? view.getUint32(0, true) : view.getFloat64(0, true) };
    at += size;
  }
}

/** The number whose IEEE 754 bits a fixed 32-bit field holds. */
export function bitsToFloat(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}
