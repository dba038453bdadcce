import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseRunConfig } from './config.js';
import { addFlags, applyFlags, replaceLength, runFlags } from './flags.js';

const parse = (args: string[], base: object = {}) => {
  const command = addFlags(new Command().exitOverride(), runFlags);
  command.parse(args, { from: 'user' });
  return applyFlags(replaceLength(base, command.opts()), command.opts(), runFlags);
};

describe('flags', () => {
  it('are one for every field of a run, each with a name of its own and a description', () => {
    const names = runFlags.map((f) => f.name);
    expect(new Set(names).size).toBe(names.length);
    for (const flag of runFlags) expect(flag.description, flag.name).toMatch(/^[A-Z].{10}/);
    expect(names).toEqual(
      expect.arrayContaining(['batch-size', 'min-lr', 'layers', 'tokenizer', 'vocab', 'data', 'validation']),
    );
  });

  it('make the same object as the JSON file', () => {
    const args =
      '--out runs/a --steps 10 --lr 3e-4 --layers 2 --data docs notes.txt --precision bf16 --vocab 512'.split(
        ' ',
      );
    expect(parse(args)).toEqual({
      out: 'runs/a',
      steps: 10,
      lr: 3e-4,
      precision: 'bf16',
      model: { layers: 2 },
      tokenizer: { vocab: 512 },
      data: { train: ['docs', 'notes.txt'] },
    });
    expect(parseRunConfig(parse(args)).model).toEqual({
      layers: 2,
      heads: 6,
      width: 384,
      context: 256,
      dropout: 0,
    });
  });

  it('lie over the file, and a length replaces another', () => {
    const file = { out: 'a', minutes: 3, model: { layers: 4, heads: 2 } };
    expect(parse(['--steps', '7', '--layers', '1'], file)).toEqual({
      out: 'a',
      steps: 7,
      model: { layers: 1, heads: 2 },
    });
    expect(file.model.layers).toBe(4);
  });

  it('leave nonsense to the schema, which names it', () => {
    expect(() => parseRunConfig(parse(['--out', 'a', '--steps', 'many', '--data', 'x']))).toThrow(
      'config.steps: it must be a number; received "many"',
    );
    expect(() =>
      parseRunConfig(parse(['--out', 'a', '--steps', '2', '--data', 'x', '--heads', '5'])),
    ).toThrow('config.model.width: it must be a multiple of heads (5); received 384; try 385');
    expect(() =>
      parseRunConfig({ out: 'a', steps: 1, data: { train: ['x'] }, model: { layer: 2 } }, 'run.json'),
    ).toThrow("run.json.model.layer: the key must be a known one; received 2; did you mean 'layers'?");
  });
});
