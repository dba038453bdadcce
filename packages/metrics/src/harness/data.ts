import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { MetricError, show } from '../errors.js';
import type { Reject } from './types.js';

/** A data row and where it came from. */
export interface Row {
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Opens a text file line by line. @throws MetricError `E_FORMAT` when it cannot be read. */
export async function* readLines(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  } catch (error) {
    throw new MetricError(
      'E_FORMAT',
      path,
      'must be a readable text file',
      String((error as Error).message),
      'check the path',
      { cause: error },
    );
  }
}

/** Reads rows from JSONL, or takes them as given; lines that are no JSON objects become rejects. */
export async function readRows(
  data: string | readonly Readonly<Record<string, unknown>>[],
  baseDir: string,
): Promise<{ rows: Row[]; rejects: Reject[] }> {
  if (typeof data !== 'string')
    return { rows: data.map((fields, i) => ({ line: i + 1, fields })), rejects: [] };
  const rows: Row[] = [];
  const rejects: Reject[] = [];
  let line = 0;
  for await (const raw of readLines(resolve(baseDir, data))) {
    line++;
    const text = line === 1 ? raw.replace(/^\ufeff/, '') : raw;
    if (text.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw new Error(`expected an object, got ${show(value)}`);
      rows.push({ line, fields: value as Record<string, unknown> });
    } catch (error) {
      rejects.push({ line, reason: (error as Error).message, text });
    }
  }
  return { rows, rejects };
}

/** The value at a dotted path. @throws Error naming the path when there is none. */
export function fieldOf(fields: Readonly<Record<string, unknown>>, path: string): unknown {
  let value: unknown = fields;
  for (const key of path.split('.')) {
    const known = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    value = known ? (value as Record<string, unknown>)[key] : undefined;
  }
  if (value === undefined || value === null) throw new Error(`field ${path} is missing`);
  return value;
}

/** A field as text. @throws Error for a list or an object. */
export function textOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`field ${path} must be text, got ${show(value)}`);
}

/** Fills `{{field}}` places. @throws Error for a field that is missing or no text. */
export function fillTemplate(template: string, fields: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{\{\s*([^{}]+?)\s*\}\}/g, (_, path: string) =>
    textOf(fieldOf(fields, path), path),
  );
}

/** The accepted answers a target template names: a lone `{{field}}` with a list gives several. */
export function fillTargets(template: string, fields: Readonly<Record<string, unknown>>): string[] {
  const lone = /^\{\{\s*([^{}]+?)\s*\}\}$/.exec(template)?.[1];
  const value = lone === undefined ? undefined : fieldOf(fields, lone);
  if (!Array.isArray(value)) return [fillTemplate(template, fields)];
  return value.map((item) => textOf(item, lone!));
}

/** The texts of a list field. @throws Error unless it is a list of two or more texts, none empty. */
export function choicesOf(fields: Readonly<Record<string, unknown>>, path: string): string[] {
  const value = fieldOf(fields, path);
  if (!Array.isArray(value) || value.length < 2)
    throw new Error(`field ${path} must list two or more choices, got ${show(value)}`);
  const choices = value.map((item) => textOf(item, path));
  if (choices.includes('')) throw new Error(`field ${path} has an empty choice`);
  return choices;
}

/** The index of the right choice from its index or its text. @throws Error when it is neither. */
export function goldOf(
  fields: Readonly<Record<string, unknown>>,
  path: string,
  choices: readonly string[],
): number {
  const value = fieldOf(fields, path);
  const index = typeof value === 'number' ? value : choices.indexOf(textOf(value, path));
  if (!Number.isInteger(index) || index < 0 || index >= choices.length) {
    throw new Error(`field ${path} must be the index or the text of a choice, got ${show(value)}`);
  }
  return index;
}
