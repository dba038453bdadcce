import { formatCount, formatDuration } from '@inkstone/trainer';

/** Something that happened, as a line of JSON. */
export interface RunEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** Where a command tells what it does. */
export interface Reporter {
  /** True when a person watches: then text is for reading, else every line is JSON. */
  readonly live: boolean;
  /** Names what begins now. */
  stage(label: string): void;
  /** How far a stage of known length is; a live line. */
  progress(label: string, done: number, total: number, unit: string): void;
  /** How far a stage of unknown length is. */
  count(label: string, files: number, bytes: number): void;
  /** A line that is replaced by the next one; nothing where nobody watches. */
  status(line: string): void;
  /** A lasting fact: a line of JSON, or `text` for a person. */
  event(event: RunEvent, text?: string): void;
  /** Ends a live line. */
  end(): void;
}

/** A stream to write on, such as `process.stdout`. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

const FRAME_MS = 80;

/** What a person reads of the events that have no text of their own. */
function sentence(event: RunEvent): string | null {
  const n = (key: string) => formatCount(event[key] as number);
  switch (event.event) {
    case 'collected': {
      const { binary, duplicate, overLimit } = event.skipped as Record<string, number>;
      const left = [
        binary ? `${binary} binary` : '',
        duplicate ? `${duplicate} copies` : '',
        overLimit ? `${overLimit} over the limit` : '',
      ].filter(Boolean);
      return `Text       ${event.files} files, ${n('bytes')}B${left.length ? ` (left out: ${left.join(', ')})` : ''}`;
    }
    case 'tokenizer':
      return `Tokenizer  byte-level BPE, ${event.vocabSize} tokens${event.trained ? '' : ' (given)'}`;
    case 'encoded':
      return `Tokens     ${n('trainTokens')} to train on, ${n('validationTokens')} to validate, ${event.bytesPerToken} bytes each`;
    default:
      return null;
  }
}

/**
 * A reporter for a stream: a live line on a terminal, JSON lines anywhere else.
 *
 * @param clock milliseconds, for how often the live line is drawn.
 * @example
 * const reporter = makeReporter(process.stdout);
 */
export function makeReporter(output: Output, clock: () => number = Date.now): Reporter {
  const live = output.isTTY === true;
  let shown = false;
  let last = Number.NEGATIVE_INFINITY;
  let label = '';
  let began = clock();

  const draw = (line: string, force = false) => {
    if (!live || (!force && clock() - last < FRAME_MS)) return;
    last = clock();
    // A pseudo-terminal may say that it has no columns at all.
    const width = (output.columns || 80) - 1;
    output.write(`\r\x1b[2K${line.length > width ? `${line.slice(0, width - 1)}…` : line}`);
    shown = true;
  };
  const clear = () => {
    if (shown) output.write('\r\x1b[2K');
    shown = false;
  };
  const enter = (next: string) => {
    if (next === label) return;
    label = next;
    began = clock();
    last = Number.NEGATIVE_INFINITY;
  };

  return {
    live,
    stage: (next) => {
      enter(next);
      draw(`${next} …`, true);
    },
    progress: (next, done, total, unit) => {
      enter(next);
      const share = total > 0 ? Math.min(1, done / total) : 1;
      const bar = '━'.repeat(Math.round(share * 24)).padEnd(24, '─');
      const seconds = (clock() - began) / 1000;
      const left =
        share > 0.02 && share < 1 ? `  ${formatDuration((seconds * (1 - share)) / share)} left` : '';
      draw(
        `${next.padEnd(20)} ${bar} ${formatCount(done)}/${formatCount(total)} ${unit}${left}`,
        share === 1,
      );
    },
    count: (next, files, bytes) => {
      enter(next);
      draw(`${next.padEnd(20)} ${files} files, ${formatCount(bytes)}B`);
    },
    status: (line) => draw(line),
    event: (event, text) => {
      if (!live) {
        output.write(`${JSON.stringify(event)}\n`);
        return;
      }
      const line = text ?? sentence(event);
      if (line === null) return;
      clear();
      output.write(`${line}\n`);
    },
    end: clear,
  };
}
