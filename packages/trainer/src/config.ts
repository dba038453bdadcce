import { z } from 'zod';
import { TrainerError } from './errors.js';
import { suggest } from './suggest.js';

const positive = z.number().positive();
const count = z.number().int().positive();

/**
 * Every setting of a training run: the JSON file, the command line's flags and the object given to `train` are this
 * one schema. It knows nothing of the model. Compose it with `.extend({...})`.
 */
export const trainerSchema = z.strictObject({
  out: z.string().min(1).describe('Folder of the run: checkpoints, metrics.jsonl, report.html and the model'),
  batchSize: count.max(65_536).default(8).describe('Windows in one forward and backward pass'),
  accumulation: count.max(65_536).default(1).describe('Passes whose gradients make one step'),
  steps: count.optional().describe('Length of the run in optimizer steps (or give tokens, or minutes)'),
  tokens: count.optional().describe('Length of the run in training tokens, rounded up to whole steps'),
  minutes: positive
    .max(525_600)
    .optional()
    .describe(
      'Length of the run in minutes of training; the number of steps is chosen from the measured speed',
    ),
  lr: positive.max(10).default(1e-3).describe('Peak learning rate'),
  minLr: z
    .number()
    .nonnegative()
    .optional()
    .describe('Learning rate of the last step; a tenth of lr by default'),
  warmup: z
    .number()
    .int()
    .nonnegative()
    .default(100)
    .describe('Steps of linear warmup, at most a tenth of the run'),
  weightDecay: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Decoupled weight decay, on parameters of two or more dimensions only'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('AdamW: decay of the first moment'),
  beta2: z.number().min(0).lt(1).default(0.95).describe('AdamW: decay of the second moment'),
  eps: positive.max(1).default(1e-8).describe('AdamW: added to the root of the second moment'),
  clip: z.number().nonnegative().default(1).describe('Largest global norm of the gradient; 0 does not clip'),
  precision: z
    .enum(['f32', 'bf16'])
    .default('f32')
    .describe('How matrix products multiply; weights, gradients and optimizer stay f32'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1337)
    .describe('Decides the initial weights, the order of the data and the dropout'),
  validateEvery: count.optional().describe('Steps between validations; an eighth of the run by default'),
  validationBatches: count
    .optional()
    .describe('Batches in one validation, spread evenly over the file; 8 by default, fewer in short runs'),
  checkpointEvery: count.optional().describe('Steps between checkpoints; with each validation by default'),
  sampleEvery: count.optional().describe('Steps between samples; with each validation by default'),
});

/** A complete, checked configuration. */
export type TrainerConfig = z.output<typeof trainerSchema>;
/** A configuration as written: what has a default may be left out. */
export type TrainerConfigInput = z.input<typeof trainerSchema>;

/**
 * Rules between fields, which a flat schema cannot tell: one length, and `minLr <= lr`.
 *
 * @throws TrainerError E_CONFIG.
 * @example
 * checkTrainerConfig(parseStrict(trainerSchema, { out: 'runs/a', steps: 10 }));
 */
export function checkTrainerConfig(config: TrainerConfig): void {
  const lengths = (['steps', 'tokens', 'minutes'] as const).filter((key) => config[key] !== undefined);
  if (lengths.length !== 1)
    throw new TrainerError(
      'E_CONFIG',
      'config',
      'the length of a run must be told by one of steps, tokens and minutes',
      lengths.length ? lengths.join(' and ') : 'none of them',
      'give exactly one',
    );
  if (config.minLr !== undefined && config.minLr > config.lr)
    throw new TrainerError(
      'E_CONFIG',
      'config.minLr',
      `it must be at most lr (${config.lr})`,
      `${config.minLr}`,
      'lower it',
    );
}

/**
 * Checks a value against a schema made of `z.strictObject`s, and words every problem: *path: rule; received; fix*.
 *
 * @param name stands before each path in messages: `config` by default, or a file's name.
 * @throws TrainerError E_CONFIG that names every problem, one a line; an unknown key with the nearest known one.
 * @example
 * parseStrict(trainerSchema, { out: 'runs/a', steps: 100 }).batchSize; // 8
 */
export function parseStrict<S extends z.ZodType>(schema: S, value: unknown, name = 'config'): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, schema, value, name));
  const [first] = problems;
  if (problems.length === 1) throw problemError(first!);
  throw new TrainerError(
    'E_CONFIG',
    name,
    'it must follow its schema',
    `${problems.length} problems`,
    `correct them:\n${problems.map((p) => `  ${problemError(p).message}`).join('\n')}`,
  );
}

/**
 * Fills in the defaults of a run's configuration and checks it.
 *
 * @throws TrainerError E_CONFIG.
 * @example
 * parseTrainerConfig({ out: 'runs/a', steps: 1000, lr: 3e-4 });
 */
export function parseTrainerConfig(input: unknown, name?: string): TrainerConfig {
  const config = parseStrict(trainerSchema, input, name);
  checkTrainerConfig(config);
  return config;
}

interface Problem {
  at: string;
  rule: string;
  received: string;
  fix: string;
}

const problemError = (p: Problem) => new TrainerError('E_CONFIG', p.at, p.rule, p.received, p.fix);

const show = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (v, key) => (v === null || v === undefined ? undefined : (v as Record<PropertyKey, unknown>)[key]),
    value,
  );

function describeIssue(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown, name: string): Problem[] {
  const where = (path: readonly PropertyKey[]) => [name, ...path.map(String)].join('.');
  const at = where(issue.path);
  const received = show(valueAt(value, issue.path));
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = keysAt(schema, issue.path);
      return issue.keys.map((key) => {
        const near = suggest(key, known);
        return {
          at: where([...issue.path, key]),
          rule: 'the key must be a known one',
          received: show(valueAt(value, [...issue.path, key])),
          fix: near ? `did you mean '${near}'?` : `remove it; known here: ${known.join(', ')}`,
        };
      });
    }
    case 'invalid_type':
      return [{ at, rule: `it must be ${article(issue.expected)}`, received, fix: 'correct it' }];
    case 'invalid_value':
      return [
        { at, rule: `it must be one of ${issue.values.map(show).join(', ')}`, received, fix: 'choose one' },
      ];
    case 'too_small':
    case 'too_big': {
      const [bound, word] = issue.code === 'too_small' ? [issue.minimum, 'least'] : [issue.maximum, 'most'];
      if (issue.origin !== 'number' && issue.code === 'too_small' && issue.minimum === 1)
        return [{ at, rule: 'it must not be empty', received, fix: 'give at least one' }];
      const unit = { string: ' characters', array: ' entries' }[issue.origin as string] ?? '';
      const rule = issue.inclusive
        ? `at ${word} ${bound}`
        : `${word === 'least' ? 'more' : 'less'} than ${bound}`;
      return [
        {
          at,
          rule: `it must ${unit ? 'have' : 'be'} ${rule}${unit}`,
          received,
          fix: word === 'least' ? 'raise it' : 'lower it',
        },
      ];
    }
    default:
      return [{ at, rule: issue.message, received, fix: 'correct it' }];
  }
}

const article = (type: string): string =>
  type === 'int' ? 'a whole number' : `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`;

/**
 * The schema inside optional, default and similar wrappers.
 *
 * @example
 * unwrap(trainerSchema.shape.lr) instanceof z.ZodNumber; // true
 */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = (schema._zod.def as { innerType?: z.core.$ZodType }).innerType;
  return inner ? unwrap(inner) : schema;
}

function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  const plain = unwrap(schema);
  if (!(plain instanceof z.ZodObject)) return [];
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(plain.shape);
  const next = plain.shape[String(key)];
  return next ? keysAt(next, rest) : [];
}
