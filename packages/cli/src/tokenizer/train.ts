import { type Tokenizer, trainBpe, trainUnigram, trainWordPiece } from '@inkstone/tokenizer';
import { collect, readText, type TextDocument } from '../collect.js';
import { CliError, Stopped } from '../errors.js';
import { fastTrainer } from '../fast-tokenizer.js';
import { makeReporter, type Output } from '../reporter.js';

/** Flags of `tokenizer train`. */
export interface TrainFlags {
  data: string[];
  out: string;
  include?: string[];
  model: 'bpe' | 'wordpiece' | 'unigram';
  vocab: number;
  minFrequency?: number;
  maxWordLength?: number;
  special?: string[];
  byteFallback?: boolean;
  coverage?: number;
  memory: number;
}

async function* texts(
  documents: readonly TextDocument[],
  seen: (bytes: number) => void,
): AsyncGenerator<string> {
  for (const document of documents) {
    yield await readText(document);
    seen(document.end - document.start);
  }
}

/** Flags that one model has and another has not: an option is never left out of account. */
function checkFlags(flags: TrainFlags): void {
  const only = (name: string, value: unknown, models: readonly string[]) => {
    if (value === undefined || models.includes(flags.model)) return;
    throw new CliError(
      'E_USAGE',
      `--${name}`,
      `it is for ${models.join(' and ')}`,
      `--model ${flags.model}`,
      'leave it out',
    );
  };
  only('byte-fallback', flags.byteFallback, ['unigram']);
  only('coverage', flags.coverage, ['unigram']);
  only('min-frequency', flags.minFrequency, ['bpe', 'wordpiece']);
}

/**
 * Trains a tokenizer on text files and saves it as a folder with tokenizer.json, or as one file that ends in `.json`.
 *
 * @throws CliError E_USAGE, E_DATA; TokenizerError; Stopped.
 */
export async function trainCommand(flags: TrainFlags, stdout: Output, signal: AbortSignal): Promise<void> {
  checkFlags(flags);
  const reporter = makeReporter(stdout);
  try {
    reporter.stage('Collecting text');
    const corpus = await collect(flags.data, {
      include: flags.include,
      signal,
      onProgress: (files, bytes) => reporter.count('Collecting text', files, bytes),
    });
    const { documents, files, bytes, skipped } = corpus;
    reporter.event({ event: 'collected', files, bytes, documents: documents.length, skipped });
    let read = 0;
    const source = texts(documents, (size) => {
      read += size;
    });
    const shared = {
      vocabSize: flags.vocab,
      memoryLimit: flags.memory * 2 ** 20,
      signal,
      onProgress: ({
        stage,
        done,
        total,
      }: {
        stage: 'read' | 'learn';
        done: number;
        total: number | undefined;
      }) =>
        stage === 'read'
          ? reporter.progress('Reading', read, bytes, 'bytes')
          : reporter.progress('Learning', done, total ?? done, 'tokens'),
      onDropped: (dropped: { words: number; occurrences: number; highestCount: number }) =>
        reporter.event(
          { event: 'dropped', ...dropped },
          `Left out   ${dropped.words} words that occur ${dropped.highestCount} times or less: the table is limited by --memory`,
        ),
      ...(flags.maxWordLength === undefined ? {} : { maxWordLength: flags.maxWordLength }),
      ...(flags.special ? { specialTokens: flags.special } : {}),
    };
    const frequency = flags.minFrequency === undefined ? {} : { minFrequency: flags.minFrequency };
    let tokenizer: Tokenizer;
    const { trainer, engine } =
      flags.model === 'wordpiece' ? { trainer: undefined, engine: 'TypeScript' } : fastTrainer();
    const fast = trainer && { engine: trainer };
    if (flags.model === 'unigram') {
      tokenizer = await trainUnigram(source, {
        ...shared,
        ...fast,
        ...(flags.byteFallback ? { byteFallback: true } : {}),
        ...(flags.coverage === undefined ? {} : { characterCoverage: flags.coverage }),
      });
    } else if (flags.model === 'wordpiece')
      tokenizer = await trainWordPiece(source, { ...shared, ...frequency });
    else {
      tokenizer = await trainBpe(source, { ...shared, ...frequency, ...fast });
    }
    signal.throwIfAborted();
    await tokenizer.save(flags.out);
    reporter.event(
      { event: 'finished', out: flags.out, model: flags.model, vocabSize: tokenizer.vocabSize, engine },
      `Saved      ${flags.out}: ${flags.model}, ${tokenizer.vocabSize} tokens`,
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    reporter.event({ event: 'stopped' }, 'Stopped    nothing was saved.');
    throw new Stopped();
  } finally {
    reporter.end();
  }
}
