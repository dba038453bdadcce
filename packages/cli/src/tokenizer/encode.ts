import { createInterface } from 'node:readline';
import { text as readAll } from 'node:stream/consumers';
import type { Environment } from '../environment.js';
import { CliError, Stopped } from '../errors.js';
import { openTokenizer } from './open.js';

/** Flags of `tokenizer encode`. */
export interface EncodeFlags {
  lines?: boolean;
  /** Commander's name for --no-special. */
  special: boolean;
  allowSpecial?: boolean;
  codePoints?: boolean;
}

/** The texts asked for: the arguments, else standard input whole, or line by line. */
async function* inputs(given: readonly string[], lines: boolean, stdin: NodeJS.ReadableStream) {
  if (given.length > 0) yield* given;
  else if (lines) yield* createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  else yield await readAll(stdin);
}

/**
 * Prints the ids of texts: on a terminal as numbers, else a line of JSON each with tokens and offsets.
 *
 * @throws CliError E_USAGE, E_DATA; TokenizerError; Stopped.
 */
export async function encodeCommand(
  file: string,
  given: readonly string[],
  flags: EncodeFlags,
  { stdout, stdin, signal }: Environment,
): Promise<void> {
  const tokenizer = await openTokenizer(file);
  for await (const text of inputs(given, flags.lines === true, stdin)) {
    if (signal.aborted) throw new Stopped();
    const { ids, offsets } = tokenizer.encode(text, {
      addSpecialTokens: flags.special,
      allowedSpecial: flags.allowSpecial ? 'all' : 'none',
      offsetUnit: flags.codePoints ? 'codePoint' : 'utf16',
    });
    const pairs = Array.from(ids, (_, i) => [offsets[2 * i], offsets[2 * i + 1]]);
    const facts = { ids: [...ids], tokens: tokenizer.idsToTokens(ids), offsets: pairs };
    stdout.write(stdout.isTTY ? `${facts.ids.join(' ')}\n` : `${JSON.stringify(facts)}\n`);
  }
}

/** Flags of `tokenizer decode`. */
export interface DecodeFlags {
  keepSpecial?: boolean;
}

const badIds = (line: string) =>
  new CliError(
    'E_USAGE',
    'ids',
    'they must be whole numbers with spaces or commas between, a JSON array, or a JSON object with "ids"',
    line.length > 60 ? `${line.slice(0, 60)}…` : line,
    'give what tokenizer encode prints',
  );

function parseIds(line: string): number[] {
  const text = line.trim();
  let found: unknown;
  if (/^[[{]/.test(text)) {
    try {
      const value = JSON.parse(text) as unknown;
      found = Array.isArray(value) ? value : (value as { ids?: unknown }).ids;
    } catch {
      throw badIds(line);
    }
  } else found = text === '' ? [] : text.split(/[\s,]+/).map(Number);
  if (!Array.isArray(found) || !found.every((id) => Number.isInteger(id) && id >= 0)) throw badIds(line);
  return found as number[];
}

/**
 * Prints the text of ids from the arguments, or of each line of standard input: on a terminal as it is, else a line
 * of JSON each.
 *
 * @throws CliError E_USAGE, E_DATA; TokenizerError; Stopped.
 */
export async function decodeCommand(
  file: string,
  given: readonly string[],
  flags: DecodeFlags,
  { stdout, stdin, signal }: Environment,
): Promise<void> {
  const tokenizer = await openTokenizer(file);
  const lines = given.length > 0 ? [given.join(' ')] : inputs([], true, stdin);
  for await (const line of lines) {
    if (signal.aborted) throw new Stopped();
    const text = tokenizer.decode(parseIds(line), { skipSpecialTokens: !flags.keepSpecial });
    stdout.write(stdout.isTTY ? `${text}\n` : `${JSON.stringify({ text })}\n`);
  }
}
