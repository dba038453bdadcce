import { MetricError } from '../errors.js';
import { Pcg64 } from '../random.js';
import type { TaskConfig } from './config.js';
import { choicesOf, fieldOf, fillTargets, fillTemplate, goldOf, type Row, readRows, textOf } from './data.js';
import type { Reject, SampleRecord } from './types.js';

/** A sample ready to be asked. */
export interface PreparedSample
  extends Pick<SampleRecord, 'id' | 'line' | 'prompt' | 'references' | 'choices' | 'gold' | 'cluster'> {
  /** Question and answers without the examples, for the search in the training text. */
  readonly question: string;
}

/** A row with its templates filled in. */
interface Filled extends PreparedSample {
  /** The right answer, as an example shows it. */
  readonly answer: string;
}

function fill(task: TaskConfig, { line, fields }: Row): Filled {
  const prompt = fillTemplate(task.prompt, fields);
  const id = task.id === undefined ? `line ${line}` : textOf(fieldOf(fields, task.id), task.id);
  const cluster =
    task.cluster === undefined ? {} : { cluster: textOf(fieldOf(fields, task.cluster), task.cluster) };
  if (task.type === 'multiple-choice') {
    const choices = choicesOf(fields, task.choices!);
    const gold = goldOf(fields, task.gold!, choices);
    const question = [prompt, ...choices].join(' ');
    return {
      id,
      line,
      prompt,
      references: [choices[gold]!],
      choices,
      gold,
      ...cluster,
      question,
      answer: choices[gold]!,
    };
  }
  const references = fillTargets(task.target!, fields);
  if (task.type === 'perplexity' && references[0] === '') throw new Error('the text to score is empty');
  return {
    id,
    line,
    prompt,
    references,
    ...cluster,
    question: [prompt, ...references].join(' '),
    answer: references[0] ?? '',
  };
}

/** Fills the templates of every row; rows that do not fit become rejects. */
function fillRows(task: TaskConfig, rows: readonly Row[], rejects: Reject[], prefix = ''): Filled[] {
  const filled: Filled[] = [];
  for (const row of rows) {
    try {
      filled.push(fill(task, row));
    } catch (error) {
      rejects.push({
        line: row.line,
        reason: prefix + (error as Error).message,
        text: JSON.stringify(row.fields),
      });
    }
  }
  return filled;
}

/** `count` different members of `pool` other than `self`, the same ones for the same seed and line whatever else runs. */
function drawExamples(
  pool: readonly Filled[],
  self: Filled | undefined,
  count: number,
  seed: number,
  line: number,
): Filled[] {
  const random = new Pcg64((seed % 2 ** 31) * 2 ** 21 + (line % 2 ** 21));
  const picked = new Set<Filled>();
  while (picked.size < count) {
    const example = pool[random.below(pool.length)]!;
    if (example !== self) picked.add(example);
  }
  return [...picked];
}

/** Reads a task's data and builds its prompts. */
export async function prepareTask(
  task: TaskConfig,
  baseDir: string,
): Promise<{ samples: PreparedSample[]; rejects: Reject[] }> {
  const { rows, rejects } = await readRows(task.data, baseDir);
  const all = fillRows(task, rows, rejects);
  const chosen = all.slice(0, task.limit ?? all.length);
  const shots = task.fewShot;
  if (!shots || shots.count === 0 || chosen.length === 0)
    return { samples: chosen.map(withoutAnswer), rejects };
  let pool = all;
  if (shots.data !== undefined) {
    const read = await readRows(shots.data, baseDir);
    for (const reject of read.rejects) rejects.push({ ...reject, reason: `few-shot: ${reject.reason}` });
    pool = fillRows(task, read.rows, rejects, 'few-shot: ');
  }
  const available = pool.length - (pool === all ? 1 : 0);
  if (available < shots.count) {
    throw new MetricError(
      'E_INPUT',
      task.name,
      `needs ${shots.count} other samples as examples`,
      String(available),
      'lower fewShot.count',
    );
  }
  const samples = chosen.map((sample) => {
    const examples = drawExamples(
      pool,
      pool === all ? sample : undefined,
      shots.count,
      shots.seed,
      sample.line,
    );
    const shown = examples.map(({ prompt, answer }) => prompt + task.delimiter + answer);
    return withoutAnswer({ ...sample, prompt: [...shown, sample.prompt].join(shots.separator) });
  });
  return { samples, rejects };
}

function withoutAnswer({ answer: _, ...sample }: Filled): PreparedSample {
  return sample;
}
