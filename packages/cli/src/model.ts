import { type Generator, type Tensor, tensor } from '@inkstone/tensor-core';
import type { Tokenizer } from '@inkstone/tokenizer';
import type { TokenWindows } from '@inkstone/trainer';
import {
  fromPretrained,
  GPT,
  generate,
  type SamplingOptions,
  savePretrained,
  stream,
} from '@inkstone/transformer';
import type { RunConfig } from './config.js';
import { END_OF_TEXT } from './prepare.js';

// Everything that the command line asks of models, in one place: other architectures come in here.

/** The model of a run. */
export type Model = GPT;

/** A model with random weights from the generator, which its dropout goes on drawing from. */
export function createModel({ model }: RunConfig, tokenizer: Tokenizer, generator: Generator): Model {
  const end = tokenizer.tokenToId(END_OF_TEXT) ?? null;
  return new GPT(
    {
      vocab_size: tokenizer.vocabSize,
      n_positions: model.context,
      n_embd: model.width,
      n_layer: model.layers,
      n_head: model.heads,
      embd_pdrop: model.dropout,
      resid_pdrop: model.dropout,
      attn_pdrop: model.dropout,
      bos_token_id: end,
      eos_token_id: end,
    },
    { generator },
  );
}

/** Parameters that take part in matrix products and the few that do not; the tied head counts once. */
export const parameterCount = (model: Model): number => model.size;

/** The mean cross-entropy of windows of tokens, in nats. */
export const lossOf =
  (model: Model) =>
  ({ inputs, targets, batch, context }: TokenWindows): Tensor => {
    const options = { shape: [batch, context], dtype: 'i32' } as const;
    return model.loss(tensor(inputs, options), tensor(targets, options));
  };

/** Writes config.json, generation_config.json and model.safetensors. */
export const saveModel = (model: Model, folder: string): Promise<void> => savePretrained(model, folder);

/** Reads what {@link saveModel} wrote. */
export const loadModel = (folder: string): Promise<Model> => fromPretrained(folder);

/** How a text goes on. */
export interface TextOptions extends SamplingOptions {
  /** The beginning; the beginning of a document by default. */
  prompt?: string;
  maxTokens: number;
  seed?: number | undefined;
  stop?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

/** What samples are drawn with where nothing else is said: lively, without the long tail of unlikely tokens. */
export const SAMPLING = { temperature: 0.8, topK: 50 } as const;

const request = (
  tokenizer: Tokenizer,
  { prompt = '', maxTokens, seed, stop, signal, ...sampling }: TextOptions,
) => ({
  ...SAMPLING,
  ...sampling,
  prompt,
  tokenizer,
  maxNewTokens: maxTokens,
  slide: true,
  ...(seed === undefined ? {} : { seed }),
  ...(stop ? { stop } : {}),
  ...(signal ? { signal } : {}),
});

/** A text, without its prompt. */
export async function generateText(
  model: Model,
  tokenizer: Tokenizer,
  options: TextOptions,
): Promise<string> {
  return (await generate(model, request(tokenizer, options))).text;
}

/** The same, piece by piece as it is written; whole characters only. */
export async function* streamText(
  model: Model,
  tokenizer: Tokenizer,
  options: TextOptions,
): AsyncGenerator<string> {
  for await (const { text } of stream(model, request(tokenizer, options))) if (text) yield text;
}
