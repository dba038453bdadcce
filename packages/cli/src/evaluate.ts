import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { noGrad, scope } from '@inkstone/tensor-core';
import type { Tokenizer } from '@inkstone/tokenizer';
import type { TokenWindows, WindowSampler } from '@inkstone/trainer';

/** How well a model predicts text. */
export interface Evaluation {
  /** Nats per token, special tokens left out. */
  readonly loss: number;
  /** Bits per byte of text: comparable between tokenizers. */
  readonly bitsPerByte: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/** Bytes of text behind each token id; 0 for special tokens, which no text has. */
export function tokenBytes(tokenizer: Tokenizer): Int32Array {
  return Int32Array.from({ length: tokenizer.vocabSize }, (_, id) =>
    tokenizer.idToToken(id) === undefined ? 0 : tokenizer.decodeBytes([id]).length,
  );
}

/**
 * Bits per byte on windows that lie evenly over a token file: `sum of nats / (ln 2 * sum of target bytes)`, special
 * tokens in neither sum.
 *
 * @param loss mean nats over the targets that are not -100, as the model computes it.
 * @param bytes from {@link tokenBytes}.
 * @example
 * await evaluate(sampler, (batch) => lossOf(model, batch).item(), tokenBytes(tokenizer), { batches: 16, batchSize: 8 });
 */
export async function evaluate(
  sampler: WindowSampler,
  loss: (batch: TokenWindows) => number,
  bytes: Int32Array,
  { batches, batchSize, signal }: { batches: number; batchSize: number; signal?: AbortSignal | undefined },
): Promise<Evaluation> {
  let nats = 0;
  let tokens = 0;
  let total = 0;
  for (const batch of sampler.evenly(batches, batchSize)) {
    signal?.throwIfAborted();
    await eventLoopTurn();
    const targets = batch.targets.map((id) => (bytes[id] ? id : -100));
    const count = targets.reduce((n, id) => n + (id >= 0 ? 1 : 0), 0);
    if (count === 0) continue;
    nats += noGrad(() => scope(() => loss({ ...batch, targets, tokens: count }))) * count;
    tokens += count;
    total += targets.reduce((n, id) => n + (id >= 0 ? bytes[id]! : 0), 0);
  }
  return { loss: nats / tokens, bitsPerByte: nats / (Math.LN2 * total), tokens };
}
