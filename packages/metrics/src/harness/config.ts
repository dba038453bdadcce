import { z } from 'zod';
import { MetricError } from '../errors.js';

const metric = z.union([
  z.string().min(1),
  z.strictObject({ name: z.string().min(1), options: z.record(z.string(), z.unknown()).default({}) }),
]);

const task = z
  .strictObject({
    /** Unique name; used in file names. */
    name: z
      .string()
      .regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u, 'must be letters, digits, dots, dashes and underscores'),
    /** What the model is asked for. */
    type: z.enum(['generate', 'multiple-choice', 'perplexity']),
    /** A JSONL file (relative to the configuration), or the rows themselves. */
    data: z.union([z.string().min(1), z.array(z.record(z.string(), z.unknown()))]),
    /** Template of the prompt: `{{field}}` or `{{field.inner}}`. */
    prompt: z.string().default(''),
    /** Template of the answer; a lone `{{field}}` may name a list of accepted answers. For perplexity the scored text. */
    target: z.string().optional(),
    /** Field of the list of choices. */
    choices: z.string().optional(),
    /** Field of the right choice: its index or its text. */
    gold: z.string().optional(),
    /** Field that identifies a sample. */
    id: z.string().optional(),
    /** Field whose value marks samples that belong together (one passage, one author). */
    cluster: z.string().optional(),
    metrics: z.array(metric).min(1),
    /** Solved examples put before each prompt. */
    fewShot: z
      .strictObject({
        count: z.int().min(0).max(1000),
        /** Where to draw from; the task's own other samples by default. */
        data: z.union([z.string().min(1), z.array(z.record(z.string(), z.unknown()))]).optional(),
        seed: z.int().min(0).default(1234),
        separator: z.string().default('\n\n'),
      })
      .optional(),
    /** Between prompt and answer, in examples and before choices. */
    delimiter: z.string().default(' '),
    /** Regular expression; its first group (or the whole match) of the output is the answer, or nothing if it fails. */
    extract: z.string().optional(),
    generation: z
      .strictObject({
        maxTokens: z.int().min(1).optional(),
        stop: z.array(z.string().min(1)).optional(),
        temperature: z.number().min(0).optional(),
        seed: z.int().min(0).optional(),
      })
      .default({}),
    /** Use the first so many samples only. */
    limit: z.int().min(1).optional(),
  })
  .check((context) => {
    const { value } = context;
    const need = (field: 'target' | 'choices' | 'gold'): void => {
      if (value[field] !== undefined) return;
      context.issues.push({
        code: 'custom',
        path: [field],
        message: `is needed by a ${value.type} task`,
        input: value,
      });
    };
    if (value.type === 'multiple-choice') {
      need('choices');
      need('gold');
    } else {
      need('target');
    }
    if (value.extract === undefined) return;
    try {
      new RegExp(value.extract, 'u');
    } catch (error) {
      context.issues.push({ code: 'custom', path: ['extract'], message: String(error), input: value });
    }
  });

const config = z.strictObject({
  tasks: z.array(task).min(1),
  /** Folder for logs, cache and reports. */
  output: z.string().optional(),
  /** Samples per call of the model. */
  batchSize: z.int().min(1).default(16),
  /** Training text whose n-grams must not occur in the tests. */
  decontamination: z
    .strictObject({
      /** JSONL (with `field`) or plain text files, relative to the configuration. */
      files: z.array(z.string().min(1)).min(1),
      field: z.string().default('text'),
      order: z.int().min(1).max(1000).default(13),
    })
    .optional(),
  /** Of the intervals. */
  bootstrap: z
    .strictObject({
      resamples: z.int().min(40).default(1000),
      seed: z.int().min(0).default(12345),
      confidence: z.number().gt(0).lt(1).default(0.95),
    })
    .prefault({}),
});

/** A task as its author writes it. */
export type TaskInput = z.input<typeof task>;
/** A task with its defaults filled in. */
export type TaskConfig = z.output<typeof task>;
/** An evaluation as its author writes it. */
export type EvaluationInput = z.input<typeof config>;
/** An evaluation with its defaults filled in. */
export type EvaluationConfig = z.output<typeof config>;

/**
 * Checks an evaluation configuration (parsed JSON) and fills in the defaults.
 *
 * @throws MetricError `E_FORMAT` naming each wrong field.
 * @example
 * const input = { tasks: [{ name: 'qa', type: 'generate', data: 'qa.jsonl', prompt: '{{q}}', target: '{{a}}', metrics: ['squad'] }] };
 * parseEvaluationConfig(input).batchSize; // => 16
 */
export function parseEvaluationConfig(input: unknown): EvaluationConfig {
  const parsed = config.safeParse(input);
  if (!parsed.success) {
    const received = parsed.error.issues
      .map((issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`)
      .join('; ');
    throw new MetricError(
      'E_FORMAT',
      'evaluation config',
      'must follow the schema',
      received,
      'correct those fields',
    );
  }
  const names = parsed.data.tasks.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new MetricError(
      'E_FORMAT',
      'evaluation config',
      'task names must differ',
      JSON.stringify(twice),
      'rename one',
    );
  }
  return parsed.data;
}
