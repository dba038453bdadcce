import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseStrict, parseTrainerConfig, trainerSchema } from './config.js';
import { TrainerError } from './errors.js';
import { suggest } from './suggest.js';

const failure = (input: unknown): string => {
  try {
    parseTrainerConfig(input);
  } catch (error) {
    expect(error).toBeInstanceOf(TrainerError);
    expect((error as TrainerError).code).toBe('E_CONFIG');
    return (error as TrainerError).message;
  }
  throw new Error('no error');
};

describe('parseTrainerConfig', () => {
  it('fills in the documented defaults', () => {
    expect(parseTrainerConfig({ out: 'runs/a', steps: 10 })).toEqual({
      out: 'runs/a',
      steps: 10,
      batchSize: 8,
      accumulation: 1,
      lr: 1e-3,
      warmup: 100,
      weightDecay: 0.1,
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-8,
      clip: 1,
      precision: 'f32',
      seed: 1337,
    });
  });

  it('is unchanged by a trip through JSON, so a file and a call are the same', () => {
    const config = parseTrainerConfig({ out: 'runs/a', minutes: 0.5, precision: 'bf16' });
    expect(parseTrainerConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it('documents every field', () => {
    for (const [key, field] of Object.entries(trainerSchema.shape))
      expect(field.description, key).toBeTruthy();
  });

  it('refuses an unknown key and names the nearest', () => {
    expect(failure({ out: 'a', steps: 1, batchSzie: 4 })).toBe(
      "config.batchSzie: the key must be a known one; received 4; did you mean 'batchSize'?",
    );
    expect(failure({ out: 'a', steps: 1, learning_rate: 4 })).toContain('known here: out, batchSize');
  });

  it.each([
    [{ out: 'a' }, 'must be told by one of steps, tokens and minutes; received none of them'],
    [{ out: 'a', steps: 1, minutes: 2 }, 'received steps and minutes; give exactly one'],
    [{ steps: 1 }, 'config.out: it must be a string; received nothing'],
    [{ out: '', steps: 1 }, 'config.out: it must not be empty; received ""'],
    [{ out: 'a', steps: 0 }, 'config.steps: it must be more than 0; received 0; raise it'],
    [{ out: 'a', steps: 1.5 }, 'config.steps: it must be a whole number; received 1.5'],
    [{ out: 'a', steps: 1, beta2: 1 }, 'config.beta2: it must be less than 1; received 1; lower it'],
    [{ out: 'a', steps: 1, lr: Number.NaN }, 'config.lr: it must be a number; received null'],
    [{ out: 'a', steps: 1, lr: '1e-3' }, 'config.lr: it must be a number; received "1e-3"'],
    [
      { out: 'a', steps: 1, lr: 1e-4, minLr: 1e-3 },
      'config.minLr: it must be at most lr (0.0001); received 0.001',
    ],
    [{ out: 'a', steps: 1, precision: 'f16' }, 'it must be one of "f32", "bf16"; received "f16"; choose one'],
    [null, 'config: it must be an object; received null'],
    [[], 'config: it must be an object; received []'],
  ])('%j', (input, message) => {
    expect(failure(input)).toContain(message);
  });

  it('lists every problem at once', () => {
    const message = failure({ out: 1, stepz: 4, lr: -1 });
    expect(message.split('\n')).toHaveLength(4);
    expect(message).toContain('3 problems');
  });

  it('finds the nearest key inside a nested object too', () => {
    const nested = z.strictObject({ model: z.strictObject({ layers: z.number() }).prefault({ layers: 2 }) });
    expect(() => parseStrict(nested, { model: { layers: 2, layrs: 1 } }, 'run.json')).toThrow(
      "run.json.model.layrs: the key must be a known one; received 1; did you mean 'layers'?",
    );
  });

  it('never throws anything but a TrainerError', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        try {
          parseTrainerConfig(value);
        } catch (error) {
          expect(error).toBeInstanceOf(TrainerError);
        }
      }),
    );
  });
});

describe('suggest', () => {
  it('sees through case, underscores, swaps and a missing letter', () => {
    const known = ['batchSize', 'steps', 'minLr', 'width'];
    expect(suggest('batch_size', known)).toBe('batchSize');
    expect(suggest('widht', known)).toBe('width');
    expect(suggest('step', known)).toBe('steps');
    expect(suggest('temperature', known)).toBeUndefined();
  });
});
