export { type CollectOptions, type Corpus, collect, split, type TextDocument } from './collect.js';
export { parseRunConfig, type RunConfig, type RunConfigInput, runSchema } from './config.js';
export { CliError, type CliErrorCode } from './errors.js';
export { type Evaluation, evaluate, tokenBytes } from './evaluate.js';
export { measurePeak } from './peak.js';
export { type Environment, main, makeProgram } from './program.js';
export { makeReporter, type Output, type Reporter, type RunEvent } from './reporter.js';
export { type RunOptions, type RunSummary, readRun, trainRun } from './run.js';
