import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

/** A fixture's content; its shape is known only to the script that wrote it. */
// biome-ignore lint/suspicious/noExplicitAny: fixtures are arbitrary JSON
export type Json = any;

/** Reads a golden fixture by name; each was written by tools/golden/metrics_<name>.py. */
export function fixture(name: string): Json {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', `${name}.json`), 'utf8'));
}

/** Asserts |actual - expected| <= tolerance: the 1e-9 the package promises, whatever the unit. */
export function near(actual: number, expected: number, tolerance = 1e-9): void {
  const error = Math.abs(actual - expected);
  if (!(error <= tolerance)) expect(actual, `error ${error}`).toBe(expected);
  expect(error).toBeLessThanOrEqual(tolerance);
}
