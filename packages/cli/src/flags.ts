import { unwrap } from '@inkstone/trainer';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { runSchema } from './config.js';

/** A field of the run's schema as a command line flag. */
export interface Flag {
  /** Where it is in the configuration, such as `['model', 'layers']`. */
  readonly path: readonly string[];
  /** Without the dashes, such as `batch-size`. */
  readonly name: string;
  readonly kind: 'number' | 'string' | 'list';
  readonly choices?: readonly string[];
  readonly description: string;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

function flagsOf(shape: z.ZodRawShape, path: readonly string[]): Flag[] {
  return Object.entries(shape).flatMap(([key, field]) => {
    const plain = unwrap(field);
    const here = [...path, key];
    if (plain instanceof z.ZodObject) return flagsOf(plain.shape, here);
    const meta = (field as z.ZodType).meta() as { description: string; flag?: string };
    const standard = field instanceof z.ZodDefault ? ` (default: ${field.def.defaultValue})` : '';
    return [
      {
        path: here,
        name: meta.flag ?? kebab(key),
        kind: plain instanceof z.ZodArray ? 'list' : plain instanceof z.ZodNumber ? 'number' : 'string',
        ...(plain instanceof z.ZodEnum ? { choices: plain.options.map(String) } : {}),
        description: meta.description + standard,
      },
    ];
  });
}

/** Every field of a run, in the schema's order. */
export const runFlags: readonly Flag[] = flagsOf(runSchema.shape, []);

/** Adds flags to a command. Their values stay text: the schema is the one place that judges them. */
export function addFlags(command: Command, flags: readonly Flag[]): Command {
  for (const { name, kind, choices, description } of flags) {
    const value = { number: '<n>', string: choices ? `<${choices.join('|')}>` : '<path>', list: '<path...>' }[
      kind
    ];
    command.addOption(new Option(`--${name} ${value}`, description));
  }
  return command;
}

/** The value of commander for a flag: it camelCases their names. */
const optionKey = (name: string) => name.replace(/-([a-z])/g, (_, c: string) => c.toUpperCase());

/**
 * Lays the flags that were given over a configuration, as an object for the schema to check. Text that is no number
 * stays text, so that the schema can say so.
 */
export function applyFlags(
  base: object,
  options: Readonly<Record<string, unknown>>,
  flags: readonly Flag[],
): object {
  const result = structuredClone(base) as Record<string, unknown>;
  for (const { path, name, kind } of flags) {
    const given = options[optionKey(name)];
    if (given === undefined) continue;
    const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : Number.NaN;
    const value = kind === 'number' && !Number.isNaN(number) ? number : given;
    let place = result;
    for (const key of path.slice(0, -1)) {
      if (typeof place[key] !== 'object' || place[key] === null) place[key] = {};
      place = place[key] as Record<string, unknown>;
    }
    place[path.at(-1)!] = value;
  }
  return result;
}

/** The flags for how long a run lasts: one of them takes the place of the others. */
export const LENGTH_KEYS = ['steps', 'tokens', 'minutes'] as const;

/** Lets a length given as a flag replace another that stands in the file. */
export function replaceLength(base: object, options: Readonly<Record<string, unknown>>): object {
  if (LENGTH_KEYS.every((key) => options[key] === undefined)) return base;
  return Object.fromEntries(
    Object.entries(base).filter(([key]) => !(LENGTH_KEYS as readonly string[]).includes(key)),
  );
}
