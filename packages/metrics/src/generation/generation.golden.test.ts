import { describe, expect, test } from 'vitest';
import { fixture, type Json, near } from '../../test/fixture.js';
import {
  approximateRandomization,
  Bleu,
  Chrf,
  Cider,
  Meteor,
  pairedBootstrap,
  pairTexts,
  porterStem,
  Rouge,
  type RougeType,
  sentenceBleu,
  Ter,
  WordErrorRate,
} from '../index.js';

const golden = fixture('generation');

describe.each(['single', 'multi'])('equal to sacrebleu, %s references', (set) => {
  const { samples, bleu, chrf, ter } = golden[set];

  test.each(bleu as Json[])('BLEU $tokenizer $options', (c) => {
    const options = {
      tokenizer: c.tokenizer,
      lowercase: c.options.lowercase,
      smoothing: c.options.smooth_method,
      smoothingValue: c.options.smooth_value,
      maxOrder: c.options.max_ngram_order,
      effectiveOrder: c.options.effective_order,
    };
    const metric = new Bleu(options);
    metric.update(samples);
    const result = metric.compute();
    near(result.score, c.score);
    near(result.brevityPenalty, c.bp);
    expect([result.hypothesisLength, result.referenceLength]).toEqual(c.lengths);
    c.precisions.forEach((p: number, n: number) => {
      near(result.precisions[n]!, p);
    });
    if (c.options.max_ngram_order === undefined) expect(metric.signature()).toBe(c.signature);
    c.sentences.forEach((score: number, i: number) => {
      near(
        sentenceBleu(samples[i].hypothesis, samples[i].references, { tokenizer: c.tokenizer }).score,
        score,
      );
    });
  });

  test.each(chrf as Json[])('$name $options', (c) => {
    const metric = new Chrf({
      charOrder: c.options.char_order,
      wordOrder: c.options.word_order,
      beta: c.options.beta,
      lowercase: c.options.lowercase,
      whitespace: c.options.whitespace,
      epsilonSmoothing: c.options.eps_smoothing,
    });
    metric.update(samples);
    near(metric.compute().score, c.score);
    expect(metric.name).toBe(c.name);
    if (c.options.beta === undefined) expect(metric.signature()).toBe(c.signature);
    for (const [i, score] of metric.sampleScores().entries()) near(score, c.sentences[i]);
  });

  test.each(ter as Json[])('TER $options', (c) => {
    const metric = new Ter({
      normalized: c.options.normalized,
      noPunctuation: c.options.no_punct,
      asianSupport: c.options.asian_support,
      caseSensitive: c.options.case_sensitive,
    });
    metric.update(samples);
    near(metric.compute().score, c.score);
    near(metric.compute().referenceLength, c.length);
    expect(metric.compute().edits).toBe(c.edits);
    expect(metric.signature()).toBe(c.signature);
    for (const [i, score] of metric.sampleScores().entries()) near(score, c.sentences[i]);
  });
});

test('TER under its beam and limits', () => {
  for (const [hypothesis, reference, score] of golden.longTer) {
    const metric = new Ter();
    metric.update([{ hypothesis, references: [reference] }]);
    near(metric.compute().score, score);
  }
});

test("paired tests give sacrebleu's p-values for the same seed", () => {
  const { samples, other, results } = golden.paired;
  const systems = samples.map((s: Json, i: number) => ({ ...s, hypothesis: other[i] }));
  const makers: Record<string, () => Bleu | Chrf | Ter> = {
    BLEU: () => new Bleu(),
    chrF2: () => new Chrf(),
    TER: () => new Ter(),
  };
  for (const [name, make] of Object.entries(makers)) {
    const a = make();
    const b = make();
    a.update(samples);
    b.update(systems);
    const bs = pairedBootstrap(a, b, { resamples: results.bs[name].n });
    near(bs.baseline, results.bs[name].baseline);
    near(bs.system, results.bs[name].system);
    near(bs.pValue, results.bs[name].p, 1e-12);
    near(
      approximateRandomization(a, b, { trials: results.ar[name].n, ties: 'ignore' }).pValue,
      results.ar[name].p,
      1e-12,
    );
  }
});

test.each(golden.rouge.cases as Json[])('ROUGE by definition, stem $stem', (c) => {
  const types: RougeType[] = ['rouge1', 'rouge2', 'rouge3', 'rougeL', 'rougeLsum'];
  const metric = new Rouge({ types, stem: c.stem });
  metric.update(golden.rouge.samples);
  const rows = metric.rows();
  for (const [i, row] of c.rows.entries()) {
    for (const [k, type] of types.entries()) {
      for (let j = 0; j < 3; j++) near(rows[i * metric.width + 3 * k + j]!, row[type][j]);
    }
  }
  const mean = c.rows.reduce((sum: number, row: Json) => sum + row.rougeLsum[2], 0) / c.rows.length;
  near(metric.compute().types.rougeLsum!.f1, mean);
});

test('CIDEr-D and CIDEr by definition', () => {
  const { samples, ciderD, cider, given, documents, frequencies } = golden.cider;
  for (const [variant, expected] of [['cider-d', ciderD] as const, ['cider', cider] as const]) {
    const metric = new Cider({ variant });
    metric.update(samples);
    for (const [i, score] of metric.compute().scores.entries()) near(score, expected[i]);
  }
  const table = { documents, frequencies: new Map<string, number>(Object.entries(frequencies)) };
  const metric = new Cider({ documentFrequencies: table });
  metric.update(samples.slice(0, 3));
  for (const [i, score] of metric.compute().scores.entries()) near(score, given[i]);
});

test('METEOR equals NLTK', () => {
  const { cases, table } = golden.meteor;
  const plain = new Meteor();
  const synonyms = new Meteor({ synonyms: (word) => table[word] ?? [] });
  const samples = cases.map((c: Json) => ({ hypothesis: c.hypothesis, references: [c.reference] }));
  plain.update(samples);
  synonyms.update(samples);
  for (const [i, score] of plain.sampleScores().entries()) near(score, cases[i].plain);
  for (const [i, score] of synonyms.sampleScores().entries()) near(score, cases[i].synonyms);
});

test('Porter stems equal NLTK', () => {
  const wrong = golden.stems.filter(([word, stem]: [string, string]) => porterStem(word) !== stem);
  expect(wrong).toEqual([]);
});

test('WER and CER equal torchmetrics', () => {
  const { samples, wer, cer } = golden.errorRates;
  for (const [unit, [errors, total]] of [['word', wer] as const, ['character', cer] as const]) {
    const metric = new WordErrorRate({ unit });
    metric.update(samples);
    const result = metric.compute();
    expect(result.substitutions + result.deletions + result.insertions).toBe(errors);
    expect(result.referenceLength).toBe(total);
  }
  expect(pairTexts([], [])).toEqual([]);
});
