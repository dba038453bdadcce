import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import {
  type ContinuationRequest,
  type EvaluatedModel,
  rollingLogLikelihood,
  type TokenRequest,
} from '@inkstone/metrics';
import { crossEntropy, noGrad, scope, tensor } from '@inkstone/tensor-core';
import type { Tokenizer } from '@inkstone/tokenizer';
import { type GPT, generate } from '@inkstone/transformer';
import { CliError } from './errors.js';

/** Tokens a generation has at most where a task says nothing. */
const MAX_TOKENS = 256;

/**
 * The token ids of a context and its continuation.
 *
 * They are those of the joined text, cut where the context's own tokens end. Where a token of the joined text reaches
 * over that boundary there is no such cut, and the two texts are encoded each for itself. No special tokens are added.
 *
 * @example
 * encodeRequest(tokenizer, { context: 'The sky is', continuation: ' blue' }).continuation; // the ids of ' blue'
 */
export function encodeRequest(
  tokenizer: Tokenizer,
  { context, continuation }: ContinuationRequest,
): TokenRequest {
  const before = encode(tokenizer, context);
  const joined = encode(tokenizer, context + continuation);
  const whole = before.length <= joined.length && before.every((id, i) => id === joined[i]);
  return {
    context: before,
    continuation: whole ? joined.slice(before.length) : encode(tokenizer, continuation),
  };
}

const encode = (tokenizer: Tokenizer, text: string): number[] =>
  Array.from(tokenizer.encodeIds(text, { addSpecialTokens: false, truncation: null, padding: null }));

/**
 * ln p(continuation | context) = sum over i of ln softmax(logits)_i at the continuation's tokens, in nats.
 *
 * The logits are the model's own dtype, the sum is float64. A model of N positions sees the last N tokens before each
 * scored one at most: a longer context loses its left end, and a continuation of more than N tokens is scored in
 * windows of N, each behind the last token of the one before it, as `rollingWindows` cuts a text.
 *
 * @param context at least one id, in [0, V)
 * @param continuation ids in [0, V); 0 nats for none
 * @throws TensorError E_INDEX for an id the model has no row for; the signal's reason.
 * @example
 * await scoreTokens(model, { context: [5, 9], continuation: [7] }); // ln p(7 | 5, 9)
 */
export async function scoreTokens(
  model: GPT,
  { context, continuation }: TokenRequest,
  signal?: AbortSignal,
): Promise<number> {
  const { n_positions } = model.config;
  const { device } = model.transformer.wte.weight;
  const tokens = [...context, ...continuation];
  let sum = 0;
  for (let done = context.length; done < tokens.length; ) {
    signal?.throwIfAborted();
    await eventLoopTurn();
    const count = Math.min(n_positions, tokens.length - done);
    const end = done + count;
    // The last token is predicted, never seen: n_positions + 1 tokens make a full window.
    const inputs = tokens.slice(Math.max(0, end - n_positions - 1), end - 1);
    const targets = tokens.slice(done, end);
    const losses = noGrad(() =>
      scope(() => {
        const hidden = model.hidden(tensor(inputs, { shape: [1, inputs.length], dtype: 'i32', device }));
        const logits = model.logits(hidden.slice(1, -count));
        const ids = tensor(targets, { shape: [1, count], dtype: 'i32', device });
        return crossEntropy(logits, ids, { reduction: 'none' }).numbers();
      }),
    );
    for (const loss of losses) sum -= loss;
    done = end;
  }
  return sum;
}

/** What a text's first token is conditioned on: the model's begin-of-text token, else its first end-of-text token. */
function prefixToken({ config }: GPT): number {
  const { bos_token_id, eos_token_id } = config;
  const id = bos_token_id ?? (typeof eos_token_id === 'number' ? eos_token_id : eos_token_id?.[0]);
  if (id !== undefined) return id;
  throw new CliError(
    'E_RUN',
    'model',
    'scoring a text without a context needs a token that texts begin with',
    'a config.json with neither bos_token_id nor eos_token_id',
    'set one of them',
  );
}

/**
 * A GPT as the three functions that tasks are evaluated with; puts it in evaluation mode.
 *
 * `logLikelihood` is {@link scoreTokens} of {@link encodeRequest}; an empty context is the begin-of-text token.
 * `scoreText` is the rolling log-likelihood over windows of the model's positions, from the begin-of-text token on.
 * `generate` continues each prompt, greedily and by 256 tokens at most unless the task says otherwise; of a prompt with
 * more tokens than the model has positions it keeps the last ones, and a text that outgrows them goes on from the last
 * half of them. A temperature above 0 draws from seed 0, or the task's, anew for every prompt. So an answer depends on
 * its request alone, not on what is asked beside or before it.
 *
 * @param name of the model in reports and in the cache of answers.
 * @throws CliError E_RUN for a text to score where the model has no begin-of-text token; TransformerError, TensorError,
 *   TokenizerError; the signal's reason.
 * @example
 * const model = evaluatedModel(await fromPretrained('runs/a'), await Tokenizer.fromPretrained('runs/a'), 'a');
 * await model.logLikelihood([{ context: 'The sky is', continuation: ' blue' }], {});
 */
export function evaluatedModel(model: GPT, tokenizer: Tokenizer, name: string): Required<EvaluatedModel> {
  model.eval();
  const { n_positions } = model.config;
  // One request at a time: a batch of another size may round otherwise, and the numbers must not hang on it.
  const each = async <A, B>(items: readonly A[], f: (item: A) => Promise<B>): Promise<B[]> => {
    const results: B[] = [];
    for (const item of items) results.push(await f(item));
    return results;
  };
  return {
    name,
    generate: (prompts, { maxTokens = MAX_TOKENS, stop = [], temperature = 0, seed = 0, signal }) =>
      each(prompts, async (prompt) => {
        const { text } = await generate(model, {
          prompt: tokenizer.encodeIds(prompt, { truncation: null, padding: null }).slice(-n_positions),
          tokenizer,
          maxNewTokens: maxTokens,
          stop,
          temperature,
          seed,
          slide: true,
          ...(signal && { signal }),
        });
        return text;
      }),
    logLikelihood: (requests, { signal }) =>
      each(requests, (request) => {
        const { context, continuation } = encodeRequest(tokenizer, request);
        const start = context.length > 0 ? context : [prefixToken(model)];
        return scoreTokens(model, { context: start, continuation }, signal);
      }),
    scoreText: (texts, { signal }) =>
      each(texts, (text) =>
        rollingLogLikelihood(text, {
          encode: (whole) => encode(tokenizer, whole),
          logLikelihood: (windows) => each(windows, (window) => scoreTokens(model, window, signal)),
          prefixToken: prefixToken(model),
          maxLength: n_positions,
          ...(signal && { signal }),
        }),
      ),
  };
}
