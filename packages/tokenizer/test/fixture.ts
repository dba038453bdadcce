import { readFileSync } from 'node:fs';

/** A fixture written by one of the scripts in tools/golden. */
export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')) as T;
}
