import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A fixture written by one of the scripts in tools/golden; `.gz` ones are unpacked. */
export function fixture<T>(name: string): T {
  const bytes = readFileSync(new URL(`./fixtures/${name}`, import.meta.url));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')) as T;
}
