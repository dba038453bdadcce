import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { configFromJSON, configToJSON } from './config.js';
import { describe, TokenizerError } from './errors.js';
import { fromVocabAndMerges, fromVocabTxt } from './legacy.js';
import { fromSentencePiece } from './sentencepiece.js';
import { Tokenizer } from './tokenizer.js';

/**
 * The tokenizer of a folder, from the first of the known files that is there.
 * @throws {TokenizerError} E_FILE if none is.
 */
export async function readPretrained(dir: string): Promise<Tokenizer> {
  const names = new Set(
    await readdir(dir).catch((cause: unknown) => {
      throw fileError(dir, 'the folder can be read', cause);
    }),
  );
  const path = (name: string) => join(dir, name);
  const config = names.has('tokenizer_config.json')
    ? configFromJSON(await readJson(path('tokenizer_config.json')))
    : {};
  if (names.has('chat_template.jinja')) {
    config.chatTemplates = { ...config.chatTemplates, default: await readText(path('chat_template.jinja')) };
  }
  if (names.has('tokenizer.json'))
    return Tokenizer.fromJSON(await readJson(path('tokenizer.json'))).with({ config });
  if (names.has('tokenizer.model')) {
    const bytes = await readFile(path('tokenizer.model')).catch((cause: unknown) => {
      throw fileError(path('tokenizer.model'), 'the file can be read', cause);
    });
    return fromSentencePiece(bytes).with({ config });
  }
  if (names.has('vocab.json') && names.has('merges.txt')) {
    const merges = await readText(path('merges.txt'));
    return fromVocabAndMerges(await readJson(path('vocab.json')), merges).with({ config });
  }
  if (names.has('vocab.txt')) {
    const lowercase = config.other?.do_lower_case !== false;
    return fromVocabTxt(await readText(path('vocab.txt')), { lowercase }).with({ config });
  }
  throw new TokenizerError('E_FILE', dir, {
    rule: 'must hold tokenizer.json, tokenizer.model, vocab.json with merges.txt, or vocab.txt',
    received: describe([...names]),
    fix: 'check the path',
  });
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw fileError(path, 'the file can be read', cause);
  });
}

/**
 * Reads a JSON file.
 * @throws {TokenizerError} E_FILE if it cannot be read, E_FORMAT if it is no JSON.
 */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError('E_FORMAT', basename(path), {
      rule: 'must be JSON',
      received: `${text.length} characters that are not (${(cause as Error).message})`,
      fix: 'check that the file is complete',
      cause,
    });
  }
}

/** Writes a file so that its path holds the old content or the new, never a part: temporary file, sync, rename. */
async function writeAtomic(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw fileError(path, 'the file can be written', cause);
  }
}

/** Writes tokenizer.json and tokenizer_config.json, or the first alone to a path that ends in `.json`. */
export async function saveTokenizer(path: string, tokenizer: Tokenizer): Promise<void> {
  const json = `${JSON.stringify(tokenizer.toJSON(), null, 2)}\n`;
  if (path.endsWith('.json')) {
    await writeAtomic(path, json);
    return;
  }
  await mkdir(path, { recursive: true }).catch((cause: unknown) => {
    throw fileError(path, 'the folder can be made', cause);
  });
  await writeAtomic(join(path, 'tokenizer.json'), json);
  const config = configToJSON(tokenizer.config);
  await writeAtomic(join(path, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** The error for what the file system refused. */
export function fileError(path: string, rule: string, cause: unknown): TokenizerError {
  return new TokenizerError('E_FILE', path, {
    rule,
    received: cause instanceof Error ? cause.message : String(cause),
    fix: 'check the path and its permissions',
    cause,
  });
}
