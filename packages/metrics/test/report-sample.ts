import {
  compareReports,
  type EvaluatedModel,
  type EvaluationReport,
  evaluate,
  NgramIndex,
  Pcg64,
  renderHtml,
  type TaskInput,
} from '../src/index.js';

/** A translator that gets a share of the words wrong: three of them make a report worth looking at. */
function noisy(name: string, errors: number, seed: number): EvaluatedModel {
  const random = new Pcg64(seed);
  const spoil = (text: string): string =>
    text
      .split(' ')
      .map((word) => (random.random() < errors ? ['hm', 'und', '某', 'the'][random.below(4)]! : word))
      .join(' ');
  return {
    name,
    generate: async (prompts) =>
      prompts.map((prompt) => spoil(prompt.split('Translate: ').at(-1)!.toLowerCase())),
    logLikelihood: async (requests) =>
      requests.map(
        ({ continuation }) =>
          -continuation.length - random.random() * (continuation.includes('right') ? errors : 0.4),
      ),
  };
}

const WORDS =
  'The Quick Brown Fox Jumps Over A Lazy Dog While Seven Wizards Brew Strong Coffee Under Old Bridges'.split(
    ' ',
  );

/** Three runs of two tasks, with rejects, contamination and clusters. */
export async function sampleReports(): Promise<EvaluationReport[]> {
  const random = new Pcg64(1);
  const rows = Array.from({ length: 80 }, (_, i) => {
    const source = Array.from(
      { length: 6 + random.below(14) },
      () => WORDS[random.below(WORDS.length)]!,
    ).join(' ');
    return i === 17 ? { source } : { source, target: source.toLowerCase(), document: `d${i % 9}` };
  });
  const choices = Array.from({ length: 60 }, (_, i) => ({
    question: `Question ${i}: which one?`,
    choices: ['the wrong one', 'the right one', 'the other, wrong one'],
    answer: 1,
  }));
  const tasks: TaskInput[] = [
    {
      name: 'translate-de-en',
      type: 'generate',
      data: rows,
      prompt: 'Translate: {{source}}',
      target: '{{target}}',
      cluster: 'document',
      fewShot: { count: 1 },
      metrics: [
        'bleu',
        'chrf',
        { name: 'rouge', options: { types: ['rouge2', 'rougeL'] } },
        'ter',
        'distinct',
        'acc',
      ],
    },
    {
      name: 'choose',
      type: 'multiple-choice',
      data: choices,
      prompt: '{{question}}',
      choices: 'choices',
      gold: 'answer',
      metrics: ['acc', 'acc_norm'],
    },
  ];
  const trainingIndex = new NgramIndex(8);
  for (const row of rows.slice(0, 5)) trainingIndex.add(row.source);
  const models = [noisy('base <1.3B>', 0.3, 2), noisy('tuned', 0.18, 3), noisy('tuned, 4-bit', 0.2, 4)];
  const reports: EvaluationReport[] = [];
  for (const model of models)
    reports.push(await evaluate({ model, tasks, trainingIndex, bootstrap: { resamples: 300 } }));
  return reports;
}

/** The sample page: all three runs, or only the first. */
export async function samplePage(runs: 'all' | 'one'): Promise<string> {
  const reports = (await sampleReports()).slice(0, runs === 'all' ? 3 : 1);
  return renderHtml(reports, compareReports(reports));
}
