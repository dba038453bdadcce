import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TokenizerError } from './errors.js';
import type { Tokenizer } from './tokenizer.js';

/** The tokenizer.json of a folder. */
export function pretrainedPath(dir: string): string {
  return join(dir, 'tokenizer.json');
}

/**
 * Reads a JSON file.
 * @throws {TokenizerError} E_FILE if it cannot be read, E_FORMAT if it is no JSON.
 */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw fileError(path, 'the file can be read', cause);
  });
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
export async function writeAtomic(path: string, text: string): Promise<void> {
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
  await writeAtomic(pretrainedPath(path), json);
  const config = { tokenizer_class: 'PreTrainedTokenizerFast', ...endOfText(tokenizer) };
  await writeAtomic(join(path, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** The roles of the end-of-text token, where there is one under the usual name. */
function endOfText(tokenizer: Tokenizer): object {
  const token = '<|endoftext|>';
  if (!tokenizer.addedTokens.byContent(token)) return {};
  return { bos_token: token, eos_token: token, unk_token: token };
}

function fileError(path: string, rule: string, cause: unknown): TokenizerError {
  return new TokenizerError('E_FILE', path, {
    rule,
    received: cause instanceof Error ? cause.message : String(cause),
    fix: 'check the path and its permissions',
    cause,
  });
}
