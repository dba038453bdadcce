export { type CollectOptions, type Corpus, collect, split, type TextDocument } from './collect.js';
export { parseRunConfig, type RunConfig, type RunConfigInput, runSchema } from './config.js';
export type { Environment } from './environment.js';
export { CliError, type CliErrorCode } from './errors.js';
export { type Evaluation, evaluate, tokenBytes } from './evaluate.js';
export { encodeRequest, evaluatedModel, scoreTokens } from './evaluate-model.js';
export { type EvaluateTasksOptions, type EvaluateTasksSummary, evaluateTasks } from './evaluate-tasks.js';
export { measurePeak } from './peak.js';
export { main, makeProgram } from './program.js';
export { makeReporter, type Output, type Reporter, type RunEvent } from './reporter.js';
export { type RunOptions, type RunSummary, readRun, trainRun } from './run.js';
export {
  type Analysis,
  analyse,
  bytesPerToken,
  type Fertility,
  type TokenView,
  tokensPerWord,
} from './tokenizer/analyse.js';
export { openTokenizer } from './tokenizer/open.js';
export { type PageOptions, type PageSample, renderPage } from './tokenizer/page.js';
