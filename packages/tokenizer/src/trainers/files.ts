import type { Tokenizer } from '../tokenizer.js';
import { type TrainBpeOptions, trainBpe } from './bpe.js';
import { type TrainUnigramOptions, trainUnigram } from './unigram.js';
import { type TrainWordPieceOptions, trainWordPiece } from './word-piece.js';

/** Options of `trainFromFiles`: those of the model's trainer. */
export type TrainFromFilesOptions =
  | ({ model?: 'bpe' } & TrainBpeOptions)
  | ({ model: 'wordPiece' } & TrainWordPieceOptions)
  | ({ model: 'unigram' } & TrainUnigramOptions);

/** What the table of words may take unless told otherwise: 1 GiB. */
const MEMORY_LIMIT = 2 ** 30;

/**
 * Trains a tokenizer on UTF-8 files of any size (Node only) in bounded memory: files are read in pieces of about
 * one mebibyte, cut behind a line's end where there is one, else before a space, and `memoryLimit` is 1 GiB by default.
 * Bytes that are no UTF-8 count as U+FFFD; a byte order mark at a file's start is left out.
 *
 * @param paths files, read in this order. `onProgress` tells bytes while they are read.
 * @throws {TokenizerError} E_FILE on a file that cannot be read; else as the model's trainer.
 *
 * @example
 * ```ts
 * await writeFile('corpus.txt', 'to be or not to be\n');
 * const tokenizer = await trainFromFiles(['corpus.txt'], { model: 'bpe', vocabSize: 262 });
 * tokenizer.encodeIds(' be').length; // => 1
 * ```
 */
export async function trainFromFiles(
  paths: readonly string[],
  options: TrainFromFilesOptions,
): Promise<Tokenizer> {
  const { fileSizes, readTexts } = await import('./text-files.js');
  const total = await fileSizes(paths);
  let done = 0;
  const texts = readTexts(paths, (bytes) => {
    done += bytes;
  });
  const { onProgress } = options;
  const shared: Pick<TrainFromFilesOptions, 'memoryLimit' | 'onProgress'> = {
    memoryLimit: options.memoryLimit ?? MEMORY_LIMIT,
    ...(onProgress && {
      onProgress: (progress) =>
        onProgress(progress.stage === 'read' ? { ...progress, done, total } : progress),
    }),
  };
  if (options.model === 'unigram') return trainUnigram(texts, { ...options, ...shared });
  if (options.model === 'wordPiece') return trainWordPiece(texts, { ...options, ...shared });
  return trainBpe(texts, { ...options, ...shared });
}
