import { checkInteger, MetricError } from '../errors.js';
import { stripEnd } from '../text/whitespace.js';

/** What a model scores: `continuation` after `context`, both token ids. */
export interface TokenRequest {
  /** Tokens conditioned on, at least one. */
  readonly context: readonly number[];
  /** Tokens scored, at least one. */
  readonly continuation: readonly number[];
}

/**
 * Cuts a long text into windows a model can take, each token scored exactly once.
 *
 * The first window scores up to `maxLength` tokens after the prefix token; every further one scores up to
 * maxLength - contextLength + 1 new tokens behind as much context as fits. The disjoint windows of
 * lm-evaluation-harness's rolling log-likelihood; Baevski and Auli 2019 (arXiv:1809.10853) on what more context per token is
 * worth. Transformers' strided recipe differs: without a prefix token it leaves the first token out.
 *
 * @param tokens The text's token ids.
 * @param prefixToken What the first token is conditioned on, usually the end-of-text token.
 * @param maxLength Most tokens the model takes at once, at least 1.
 * @param contextLength Least tokens of context for windows after the first, 1 to maxLength. Default 1.
 * @throws MetricError `E_INPUT` for lengths out of range.
 * @example
 * rollingWindows([1, 2, 3, 4, 5], 0, 4)[1]; // => { context: [1, 2, 3, 4], continuation: [5] }
 */
export function rollingWindows(
  tokens: readonly number[],
  prefixToken: number,
  maxLength: number,
  contextLength = 1,
): TokenRequest[] {
  checkInteger('rollingWindows', 'maxLength', maxLength, 1);
  checkInteger('rollingWindows', 'contextLength', contextLength, 1, maxLength);
  const windows: TokenRequest[] = [];
  const step = maxLength - contextLength + 1;
  for (let done = 0; done < tokens.length; ) {
    const count = Math.min(tokens.length - done, done === 0 ? maxLength : step);
    const end = done + count;
    const start = Math.max(0, end - maxLength - 1);
    const context = done === 0 ? [prefixToken] : tokens.slice(start, end - count);
    windows.push({ context, continuation: tokens.slice(done, end) });
    done = end;
  }
  return windows;
}

/** How {@link rollingLogLikelihood} reaches a model. */
export interface RollingOptions {
  /** Token ids of a text. */
  readonly encode: (text: string) => readonly number[];
  /** Σ ln p(continuation | context) in nats, one number per request, in order. */
  readonly logLikelihood: (
    requests: readonly TokenRequest[],
    signal?: AbortSignal,
  ) => Promise<readonly number[]> | readonly number[];
  /** What the first token is conditioned on. */
  readonly prefixToken: number;
  /** Most tokens the model takes at once. */
  readonly maxLength: number;
  /** See {@link rollingWindows}. Default 1. */
  readonly contextLength?: number;
  /** Windows per call of the model. Default 16. */
  readonly batchSize?: number;
  /** Called after each batch. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * The log-likelihood of a text of any length under any model.
 *
 * @returns Σ ln p in nats and the number of tokens; 0 and 0 for a text without tokens.
 * @throws MetricError `E_NAN` when the model answers NaN, `E_INPUT` when it answers too few, `E_ABORTED` on abort.
 * @example
 * const uniform = (requests: readonly TokenRequest[]) => requests.map((r) => -r.continuation.length * Math.log(256));
 * const encode = (text: string) => [...Buffer.from(text)];
 * const result = await rollingLogLikelihood('hello', { encode, logLikelihood: uniform, prefixToken: 0, maxLength: 2 });
 * result.tokens; // => 5
 */
export async function rollingLogLikelihood(
  text: string,
  options: RollingOptions,
): Promise<{ logLikelihood: number; tokens: number }> {
  const { encode, prefixToken, maxLength, contextLength = 1, batchSize = 16, onProgress, signal } = options;
  checkInteger('rollingLogLikelihood', 'batchSize', batchSize, 1);
  const tokens = encode(text);
  const windows = rollingWindows(tokens, prefixToken, maxLength, contextLength);
  let logLikelihood = 0;
  for (let i = 0; i < windows.length; i += batchSize) {
    checkAborted('rollingLogLikelihood', signal);
    const batch = windows.slice(i, i + batchSize);
    const answers = await options.logLikelihood(batch, signal);
    checkAnswers('logLikelihood', answers, batch.length);
    for (const answer of answers) logLikelihood += answer;
    onProgress?.(Math.min(windows.length, i + batchSize), windows.length);
  }
  return { logLikelihood, tokens: tokens.length };
}

/** Throws `E_ABORTED` when the signal has fired. */
export function checkAborted(subject: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new MetricError(
    'E_ABORTED',
    subject,
    'runs until it is aborted',
    'an abort',
    'call it again to go on',
    { cause: signal.reason },
  );
}

/** Throws unless a model answered every request with a number. */
export function checkAnswers(subject: string, answers: readonly number[], expected: number): void {
  if (answers.length !== expected) {
    throw new MetricError(
      'E_INPUT',
      subject,
      'must answer every request',
      `${answers.length} answers to ${expected} requests`,
      'return one per request, in order',
    );
  }
  for (const answer of answers) {
    if (typeof answer !== 'number' || Number.isNaN(answer)) {
      throw new MetricError(
        'E_NAN',
        subject,
        'must answer with numbers',
        String(answer),
        'look for an overflow in the model',
      );
    }
  }
}

/**
 * Moves the white space at the end of a context to the front of its continuation.
 *
 * Tokenizers join a space to the word behind it; scoring `'The answer is '` + `'yes'` would otherwise ask for a token the
 * model never sees after a lone space. As lm-evaluation-harness does.
 *
 * @example
 * splitContext('Answer: ', 'yes'); // => { context: 'Answer:', continuation: ' yes' }
 */
export function splitContext(
  context: string,
  continuation: string,
): { context: string; continuation: string } {
  const kept = stripEnd(context);
  return { context: kept, continuation: context.slice(kept.length) + continuation };
}
