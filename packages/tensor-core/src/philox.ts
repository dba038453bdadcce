// Philox 4x32-10 in plain TypeScript, number for number what native/cpu/random.cpp draws. Salmon et al., SC 2011.

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

// The high 32 bits of a 32 x 32 bit product; Math.imul gives the low ones.
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/**
 * Four 32-bit words for a key and a 128-bit counter.
 * @example
 * philox4x32([0, 0], [0, 0, 0, 0]); // => [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]
 */
export function philox4x32(
  key: readonly [number, number],
  counter: readonly [number, number, number, number],
): [number, number, number, number] {
  let [k0, k1] = key;
  let [c0, c1, c2, c3] = counter;
  for (let round = 0; round < 10; round++) {
    const high0 = highProduct(M0, c0);
    const high1 = highProduct(M1, c2);
    const low0 = Math.imul(M0, c0);
    const low1 = Math.imul(M1, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

const low32 = (n: number): number => (n % 2 ** 32) >>> 0;
const high32 = (n: number): number => Math.floor(n / 2 ** 32) >>> 0;

/** The words of block `block` of a seed's stream. */
export const block = (seed: number, at: number): [number, number, number, number] =>
  philox4x32([low32(seed), high32(seed)], [low32(at), high32(at), 0, 0]);

const unit24 = (word: number): number => (word >>> 8) * 2 ** -24;
const unit53 = (a: number, b: number): number => (a * 2097152 + (b >>> 11)) * 2 ** -53;

/** Element i of a uniform draw in [low, high). */
export function uniformAt(
  seed: number,
  offset: number,
  i: number,
  low: number,
  high: number,
  wide: boolean,
): number {
  if (wide) {
    const w = block(seed, offset + Math.floor(i / 2));
    const k = 2 * (i % 2);
    return low + unit53(w[k]!, w[k + 1]!) * (high - low);
  }
  return low + unit24(block(seed, offset + Math.floor(i / 4))[i % 4]!) * (high - low);
}

/** Element i of a normal draw: cosine and sine of one Box-Muller pair for even and odd i. */
export function normalAt(
  seed: number,
  offset: number,
  i: number,
  mean: number,
  std: number,
  wide: boolean,
): number {
  const w = block(seed, offset + Math.floor(i / (wide ? 2 : 4)));
  const k = wide ? 0 : 2 * Math.floor((i % 4) / 2);
  // 1 - u lies in (0, 1], so the logarithm is finite.
  const u1 = wide ? 1 - unit53(w[0]!, w[1]!) : 1 - unit24(w[k]!);
  const u2 = wide ? unit53(w[2]!, w[3]!) : unit24(w[k + 1]!);
  const radius = Math.sqrt(-2 * Math.log(u1));
  const angle = 2 * Math.PI * u2;
  return mean + std * radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
}
