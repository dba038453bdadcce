import { checkTrainerConfig, parseStrict, trainerSchema } from '@inkstone/trainer';
import { z } from 'zod';
import { CliError } from './errors.js';

const count = z.number().int().positive();

/** Marks a field with the command line flag it is known by, where that is not its own name. */
const flag = (name: string, description: string) => ({ description, flag: name });

/**
 * A whole run: the trainer's settings, and the model, tokenizer and data that the command line adds. A JSON file, the
 * flags of `inkstone train` and the argument of {@link train} are this one object.
 */
export const runSchema = trainerSchema.extend({
  model: z
    .strictObject({
      layers: count.max(1000).default(6).describe('Transformer blocks'),
      heads: count.max(1024).default(6).describe('Attention heads; width must be a multiple of them'),
      width: count.max(65_536).default(384).describe('Size of the hidden state'),
      context: count.max(1_048_576).default(256).describe('Tokens the model sees at once'),
      dropout: z.number().min(0).lt(1).default(0).describe('Share of activations dropped while training'),
    })
    .prefault({}),
  tokenizer: z
    .strictObject({
      file: z
        .string()
        .optional()
        .meta(flag('tokenizer', 'A tokenizer.json to use; without it one is trained on the data')),
      vocab: z
        .number()
        .int()
        .min(257)
        .max(1_000_000)
        .default(4096)
        .meta(flag('vocab', 'Size of the vocabulary to train')),
    })
    .prefault({}),
  data: z.strictObject({
    train: z
      .array(z.string().min(1))
      .min(1)
      .meta(flag('data', 'Folders and files of text to train on, or one .tokens file')),
    validation: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .meta(
        flag('validation', 'The same to validate on; without it a share of the training files is held out'),
      ),
    validationShare: z.number().gt(0).max(0.5).default(0.1).describe('Share of the documents held out'),
    include: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Take only files whose names end so, such as .md; all text files by default'),
    maxBytes: count.default(256 * 2 ** 20).describe('Take at most so much text, chosen at random'),
  }),
});

/** A complete, checked run. */
export type RunConfig = z.output<typeof runSchema>;
/** A run as written: what has a default may be left out. */
export type RunConfigInput = z.input<typeof runSchema>;

/**
 * Fills in the defaults of a run and checks it.
 *
 * @param name how messages call it, such as the file it came from.
 * @throws TrainerError E_CONFIG, which names every problem.
 * @example
 * parseRunConfig({ out: 'runs/a', minutes: 3, data: { train: ['docs'] } });
 */
export function parseRunConfig(input: unknown, name = 'config'): RunConfig {
  const config = parseStrict(runSchema, input, name);
  checkTrainerConfig(config);
  const { width, heads } = config.model;
  if (width % heads)
    throw new CliError(
      'E_USAGE',
      `${name}.model.width`,
      `it must be a multiple of heads (${heads})`,
      `${width}`,
      `try ${Math.max(1, Math.round(width / heads)) * heads}`,
    );
  return config;
}
