import { evaluate } from '../src/index.js';

/**
 * A run that its parent kills: answers one request every few milliseconds and says so on stdout.
 * Arguments: output folder.
 */
const output = process.argv[2]!;
await evaluate({
  model: {
    name: 'slow',
    generate: async (prompts) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      process.stdout.write(`${prompts.length}\n`);
      return prompts.map((prompt) => prompt.toUpperCase());
    },
  },
  tasks: [
    {
      name: 'upper',
      type: 'generate',
      data: Array.from({ length: 60 }, (_, i) => ({ q: `question ${i}`, a: `QUESTION ${i % 50}` })),
      prompt: '{{q}}',
      target: '{{a}}',
      metrics: ['exact_match', 'bleu'],
    },
  ],
  output,
  batchSize: 2,
  bootstrap: { resamples: 50 },
});
