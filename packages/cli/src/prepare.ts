import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer, trainBpe } from '@inkstone/tokenizer';
import { removeTemporaries, TokenFile, type TokenFileInfo, writeTokenFile } from '@inkstone/trainer';
import { type Corpus, collect, readText, split, type TextDocument } from './collect.js';
import type { RunConfig } from './config.js';
import { CliError } from './errors.js';
import { fastTokenizer, fastTrainer } from './fast-tokenizer.js';
import type { Reporter } from './reporter.js';

/** The token that ends a document. */
export const END_OF_TEXT = '<|endoftext|>';

/** A run's data, ready to be trained on. */
export interface PreparedData {
  readonly tokenizer: Tokenizer;
  /** Token files. */
  readonly train: string;
  readonly validation: string;
}

const isTokenFile = (paths: readonly string[]) => paths.length === 1 && paths[0]!.endsWith('.tokens');

async function* texts(
  documents: readonly TextDocument[],
  seen?: (bytes: number) => void,
): AsyncGenerator<string> {
  for (const document of documents) {
    yield await readText(document);
    seen?.(document.end - document.start);
  }
}

async function encode(
  target: string,
  documents: readonly TextDocument[],
  tokenizer: Tokenizer,
  reporter: Reporter,
  label: string,
  signal?: AbortSignal,
): Promise<TokenFileInfo> {
  const total = documents.reduce((sum, { start, end }) => sum + end - start, 0);
  const end = tokenizer.tokenToId(END_OF_TEXT);
  let done = 0;
  const info = await writeTokenFile(target, { vocabSize: tokenizer.vocabSize }, async (sink) => {
    for (const document of documents) {
      signal?.throwIfAborted();
      const bytes = document.end - document.start;
      await sink.write(tokenizer.encodeIds(await readText(document)), bytes);
      if (document.last && end !== undefined) await sink.write([end]);
      done += bytes;
      reporter.progress(label, done, total, 'bytes');
    }
  });
  return info;
}

/**
 * Makes the tokenizer and the token files of a run, in its folder: collects the text, trains a tokenizer unless one
 * is named, and encodes. What a resumed run finds there already is used as it is.
 *
 * @throws CliError E_DATA; TokenizerError; TrainerError.
 */
export async function prepare(
  config: RunConfig,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<PreparedData> {
  const folder = path.join(config.out, 'data');
  const train = path.join(folder, 'train.tokens');
  const validation = path.join(folder, 'validation.tokens');
  const ready = path.join(config.out, 'tokenizer.json');
  // The tokenizer is saved last, so where it is, the token files are whole.
  if (existsSync(ready) && existsSync(validation))
    return { tokenizer: await Tokenizer.fromFile(ready), train, validation };

  const { data } = config;
  if (isTokenFile(data.train)) return useTokenFiles(config);

  reporter.stage('Collecting text');
  const options = { include: data.include, maxBytes: data.maxBytes, signal };
  const corpus = await collect(data.train, {
    ...options,
    onProgress: (files, bytes) => reporter.count('Collecting text', files, bytes),
  });
  const sides = data.validation
    ? { train: [...corpus.documents], validation: [...(await collect(data.validation, options)).documents] }
    : await split(corpus.documents, data.validationShare);
  reporter.event({
    event: 'collected',
    ...summary(corpus),
    train: sides.train.length,
    validation: sides.validation.length,
  });

  const { trainer } = fastTrainer();
  const tokenizer = config.tokenizer.file
    ? await Tokenizer.fromFile(config.tokenizer.file)
    : await trainBpe(texts(sides.train), {
        vocabSize: config.tokenizer.vocab,
        specialTokens: [END_OF_TEXT],
        ...(trainer ? { engine: trainer } : {}),
        ...(signal ? { signal } : {}),
        onProgress: ({ stage, done, total }) =>
          reporter.progress(
            stage === 'read' ? 'Tokenizer: reading' : 'Tokenizer: merging',
            done,
            total ?? sides.train.length,
            stage === 'read' ? 'texts' : 'tokens',
          ),
      });
  reporter.event({ event: 'tokenizer', vocabSize: tokenizer.vocabSize, trained: !config.tokenizer.file });

  await mkdir(folder, { recursive: true });
  await removeTemporaries(folder);
  const { tokenizer: encoder, engine } = fastTokenizer(tokenizer);
  const a = await encode(train, sides.train, encoder, reporter, 'Encoding', signal);
  const b = await encode(validation, sides.validation, encoder, reporter, 'Encoding validation', signal);
  await tokenizer.save(config.out);
  reporter.event({
    event: 'encoded',
    trainTokens: a.length,
    validationTokens: b.length,
    bytesPerToken: Number(((a.textBytes + b.textBytes) / (a.length + b.length)).toFixed(3)),
    engine,
  });
  return { tokenizer, train, validation };
}

const summary = ({ files, bytes, documents, skipped }: Corpus) => ({
  files,
  bytes,
  documents: documents.length,
  skipped,
});

async function useTokenFiles({ data, tokenizer: { file }, out }: RunConfig): Promise<PreparedData> {
  const need = (what: string, flag: string) =>
    new CliError('E_USAGE', data.train[0]!, `a .tokens file needs ${what}`, 'none', `name it with ${flag}`);
  if (!file) throw need('the tokenizer it was made with', '--tokenizer');
  if (!data.validation || !isTokenFile(data.validation))
    throw need('a .tokens file to validate on', '--validation');
  const tokenizer = await Tokenizer.fromFile(file);
  for (const name of [data.train[0]!, data.validation[0]!]) {
    using opened = TokenFile.open(name);
    if (opened.vocabSize > tokenizer.vocabSize)
      throw new CliError(
        'E_DATA',
        name,
        `its vocabulary must be that of ${file} (${tokenizer.vocabSize})`,
        `${opened.vocabSize}`,
        'name the tokenizer it was made with',
      );
  }
  await mkdir(out, { recursive: true });
  await tokenizer.save(out);
  return { tokenizer, train: data.train[0]!, validation: data.validation[0]! };
}
