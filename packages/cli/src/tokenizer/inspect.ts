import { existsSync } from 'node:fs';
import path from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import type { Tokenizer } from '@inkstone/tokenizer';
import { writeFileAtomic } from '@inkstone/trainer';
import { collect, readText } from '../collect.js';
import type { Environment } from '../environment.js';
import { Stopped } from '../errors.js';
import { makeReporter, type Reporter } from '../reporter.js';
import {
  addFertility,
  analyse,
  bytesPerToken,
  emptyFertility,
  type Fertility,
  tokensPerWord,
} from './analyse.js';
import { openTokenizer } from './open.js';
import { type PageSample, renderPage } from './page.js';
import { type LabelledText, SAMPLES } from './samples.js';
import { terminalView } from './view.js';

/** Flags of `tokenizer inspect`. */
export interface InspectFlags {
  data?: string[];
  out: string;
}

/** UTF-16 units of a sample that are shown, on the page and in a terminal. */
const SHOWN = 8000;
const SHOWN_LIVE = 1200;

/** A label and its texts; the first of them is shown. */
interface Source {
  readonly label: string;
  texts(): AsyncIterable<string> | Iterable<string>;
}

/** `label=path`, or a path, which is its own label. */
function labelled(given: string): { label: string; root: string } {
  const at = given.indexOf('=');
  if (at <= 0 || existsSync(given)) return { label: given, root: given };
  return { label: given.slice(0, at), root: given.slice(at + 1) };
}

async function sources(
  texts: readonly string[],
  flags: InspectFlags,
  { stdin, signal }: Environment,
): Promise<Source[]> {
  const out: Source[] = [];
  const add = ({ label, text }: LabelledText) => out.push({ label, texts: () => [text] });
  for (const [i, text] of texts.entries()) {
    const label = texts.length > 1 ? `Text ${i + 1}` : 'Text';
    add(text === '-' ? { label: 'Standard input', text: await readAll(stdin) } : { label, text });
  }
  for (const given of flags.data ?? []) {
    const { label, root } = labelled(given);
    const { documents } = await collect([root], { signal });
    out.push({
      label,
      async *texts() {
        for (const document of documents) yield await readText(document);
      },
    });
  }
  if (out.length === 0) SAMPLES.forEach(add);
  return out;
}

async function analyseSource(
  tokenizer: Tokenizer,
  { label, texts }: Source,
  scripts: Map<string, Fertility>,
  signal: AbortSignal,
): Promise<PageSample> {
  const total = emptyFertility();
  let shown: Pick<PageSample, 'text' | 'tokens'> | undefined;
  for await (const text of texts()) {
    await eventLoopTurn();
    if (signal.aborted) throw new Stopped();
    const found = analyse(tokenizer, text);
    addFertility(total, found.total);
    for (const [script, sums] of found.scripts) {
      if (!scripts.has(script)) scripts.set(script, emptyFertility());
      addFertility(scripts.get(script)!, sums);
    }
    if (!shown) {
      // To the end of the last token that fits, so that what is shown is cut as the whole text is.
      const last = found.tokens.findLast(({ end }) => end <= SHOWN)?.end ?? 0;
      const end = text.length <= SHOWN ? text.length : last;
      shown = { text: text.slice(0, end), tokens: found.tokens.filter((token) => token.end <= end) };
    }
  }
  return { label, total, ...(shown ?? { text: '', tokens: [] }) };
}

const round = (value: number) => (Number.isNaN(value) ? null : Number(value.toFixed(3)));
const figures = (sums: Fertility) => ({
  ...sums,
  tokensPerWord: round(tokensPerWord(sums)),
  bytesPerToken: round(bytesPerToken(sums)),
});

function row(name: string, sums: Fertility): string {
  const cell = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(2)).padStart(10);
  const unknown = sums.unknown ? `  ${sums.unknown} unknown` : '';
  return `${name.slice(0, 20).padEnd(20)} ${String(sums.tokens).padStart(9)} ${cell(tokensPerWord(sums))} ${cell(bytesPerToken(sums))}${unknown}`;
}

const head = (name: string) => `\n${name.padEnd(20)}    tokens   per word bytes each`;

function tell(
  samples: readonly PageSample[],
  scripts: ReadonlyMap<string, Fertility>,
  reporter: Reporter,
  colours: boolean,
): void {
  for (const { label, total, text, tokens } of samples) {
    const view = terminalView(text.slice(0, SHOWN_LIVE), tokens, colours, Math.min(text.length, SHOWN_LIVE));
    reporter.event({ event: 'sample', label, ...figures(total) }, `\n${label}\n${view.trimEnd()}`);
  }
  if (reporter.live) {
    reporter.event({ event: 'table' }, head('Text'));
    for (const { label, total } of samples) reporter.event({ event: 'table' }, row(label, total));
    reporter.event({ event: 'table' }, head('Script'));
  }
  const sorted = [...scripts].sort(([, a], [, b]) => b.tokens - a.tokens);
  for (const [script, sums] of sorted)
    reporter.event({ event: 'script', script, ...figures(sums) }, row(script, sums));
}

/** What kind of tokenizer it is, for a page's head. */
function facts(tokenizer: Tokenizer, all: Fertility): Record<string, string> {
  return {
    Model: tokenizer.model.type,
    Vocabulary: tokenizer.vocabSize.toLocaleString('en-US'),
    'Added tokens': String(tokenizer.addedTokens.list.length),
    Tokens: all.tokens.toLocaleString('en-US'),
    'Bytes per token': bytesPerToken(all).toFixed(2),
    'Tokens per word': tokensPerWord(all).toFixed(2),
  };
}

/**
 * Shows how a tokenizer cuts texts: coloured in a terminal, as lines of JSON elsewhere, and as an HTML page.
 *
 * @throws CliError E_DATA; TokenizerError; TrainerError when the page cannot be written; Stopped.
 */
export async function inspectCommand(
  file: string,
  texts: readonly string[],
  flags: InspectFlags,
  environment: Environment,
): Promise<void> {
  const { stdout, signal } = environment;
  const reporter = makeReporter(stdout);
  try {
    const tokenizer = await openTokenizer(file);
    const scripts = new Map<string, Fertility>();
    const samples: PageSample[] = [];
    for (const source of await sources(texts, flags, environment)) {
      reporter.stage(`Reading ${source.label}`);
      samples.push(await analyseSource(tokenizer, source, scripts, signal));
    }
    const all = emptyFertility();
    for (const { total } of samples) addFertility(all, total);
    const title = path.basename(path.resolve(file));
    const page = renderPage({ title, facts: facts(tokenizer, all), samples, scripts });
    await writeFileAtomic(flags.out, page);
    tell(samples, scripts, reporter, !process.env.NO_COLOR);
    reporter.event(
      { event: 'finished', out: flags.out, vocabSize: tokenizer.vocabSize, ...figures(all) },
      `${row('All', all)}\n\nPage       ${flags.out}`,
    );
  } catch (error) {
    if (signal.aborted) throw new Stopped();
    throw error;
  } finally {
    reporter.end();
  }
}
