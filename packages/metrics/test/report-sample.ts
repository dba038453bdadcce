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

const CLASSIC =
  '学而时习之不亦说乎有朋自远方来不亦乐乎人不知而不愠不亦君子乎吾日三省吾身为人谋而不忠乎与朋友交而不信乎传不习乎'.repeat(
    9,
  );

/** Two runs whose names, texts and labels are longer than a screen is wide, most of them Chinese without a space. */
export async function longPage(): Promise<string> {
  const random = new Pcg64(5);
  const data = Array.from({ length: 24 }, (_, i) => {
    if (i === 7) return { question: CLASSIC };
    const start = random.below(200);
    const answer = CLASSIC.slice(start, start + 20 + random.below(200));
    return { id: `段落${i}·${CLASSIC.slice(0, 60)}`, question: `请补全第${i}段：${CLASSIC}`, answer };
  });
  const task: TaskInput = {
    name: '中文阅读理解与长文本续写任务之第一部分论语选段逐字还原',
    type: 'generate',
    data,
    id: 'id',
    prompt: '{{question}}',
    target: '{{answer}}',
    metrics: ['cmrc', { name: 'bleu', options: { tokenizer: 'zh' } }, 'acc', 'cer'],
  };
  const reports: EvaluationReport[] = [];
  for (const [name, errors] of [
    ['千亿参数中文大模型指令微调第三版量化四比特权重@0a1b2c3d', 0.4],
    [`checkpoint-${'0123456789'.repeat(6)}`, 0.1],
  ] as const) {
    const noise = new Pcg64(6);
    const generate: EvaluatedModel['generate'] = async (prompts) =>
      prompts.map((_, i) =>
        [...(data.filter((row) => 'answer' in row)[i]?.answer ?? '')]
          .map((character) => (noise.random() < errors ? '某' : character))
          .join(''),
      );
    const model = { name, generate };
    reports.push(await evaluate({ model, tasks: [task], batchSize: 100, bootstrap: { resamples: 100 } }));
  }
  return renderHtml(reports, compareReports(reports));
}

/** The sample page: all three runs, or only the first. */
export async function samplePage(runs: 'all' | 'one'): Promise<string> {
  const reports = (await sampleReports()).slice(0, runs === 'all' ? 3 : 1);
  return renderHtml(reports, compareReports(reports));
}
