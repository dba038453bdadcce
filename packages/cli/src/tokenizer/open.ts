import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fromSentencePiece, fromTiktoken, TIKTOKEN_ENCODINGS, Tokenizer } from '@inkstone/tokenizer';
import { CliError } from '../errors.js';

const isEncoding = (name: string): name is keyof typeof TIKTOKEN_ENCODINGS =>
  Object.hasOwn(TIKTOKEN_ENCODINGS, name);

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new CliError('E_DATA', file, 'the file must be there and readable', `${code}`, 'check the path', {
      cause,
    });
  }
}

/**
 * Opens any tokenizer: a folder, a tokenizer.json, a SentencePiece `.model`, or ranks of tiktoken, named after their
 * encoding such as `cl100k_base.tiktoken`.
 *
 * @throws CliError E_DATA; TokenizerError.
 */
export async function openTokenizer(file: string): Promise<Tokenizer> {
  const { ext, name } = path.parse(file);
  if (ext === '.json') return Tokenizer.fromFile(file);
  if (ext === '.model') return fromSentencePiece(await read(file));
  if (ext !== '.tiktoken') return Tokenizer.fromPretrained(file);
  if (isEncoding(name)) return fromTiktoken(Buffer.from(await read(file)).toString('utf8'), name);
  throw new CliError(
    'E_USAGE',
    file,
    `a .tiktoken file must be named after its encoding, ${Object.keys(TIKTOKEN_ENCODINGS).join(', ')}`,
    name,
    'rename it',
  );
}
