import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Bleu, Chrf, Cider, documentFrequencies, pairTexts, Rouge } from '../src/index.js';
import { type Corpora, makeCorpora } from './corpus.js';

/** Answers {"case", "from", "to"} on stdin with {"seconds", "cpu", "value"}; the data file is the first argument. */
const { pairs, captions } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as Corpora;
const samples = pairTexts(
  pairs.map(([h]) => h),
  pairs.map(([, r]) => r),
);

const cases: Record<string, (from: number, to: number) => unknown> = {
  bleu: (from, to) => {
    const metric = new Bleu({ keepRows: false });
    metric.update(samples.slice(from, to));
    return metric.compute().score;
  },
  chrf: (from, to) => {
    const metric = new Chrf({ keepRows: false });
    metric.update(samples.slice(from, to));
    return metric.compute().score;
  },
  rouge: (from, to) => {
    const metric = new Rouge({ types: ['rouge1', 'rouge2', 'rougeL'], stem: true, keepRows: false });
    metric.update(samples.slice(from, to));
    return Object.values(metric.compute().types).map((type) => type.f1);
  },
  cider: (from, to) => {
    const metric = new Cider();
    metric.update(captions.slice(from, to));
    return metric.compute().score;
  },
  /** Memory that CIDEr keeps after its images, with the corpus idf and with a given one; each thousand is made on the spot. */
  memory: (from, to) => {
    const given = documentFrequencies(makeCorpora(0, 1000).captions.map((c) => c.references));
    const measure = (metric: Cider) => {
      for (let k = 0; k < 4; k++) globalThis.gc!();
      const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
      for (let i = from; i < to; i += 1000)
        metric.update(makeCorpora(0, 1000, i + 2).captions.slice(0, to - i));
      for (let k = 0; k < 4; k++) globalThis.gc!();
      const after = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
      const most = process.resourceUsage().maxRSS;
      metric.compute();
      // How far `compute` lifts the largest resident set of the process so far.
      return {
        kept: Math.round((after - before) / 1024),
        liftedByCompute: process.resourceUsage().maxRSS - most,
      };
    };
    return {
      corpusIdfKiB: measure(new Cider()),
      givenIdfKiB: measure(new Cider({ documentFrequencies: given })),
    };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as { case: string; from: number; to: number };
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const value = cases[request.case]!(request.from, request.to);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const used = process.cpuUsage(cpu);
  process.stdout.write(`${JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6, value })}\n`);
}
