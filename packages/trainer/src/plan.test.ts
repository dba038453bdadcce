import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTrainerConfig } from './config.js';
import { batchesForTime, fixedTotal, keepOnTime, makePlan, type Plan, planForTime } from './plan.js';
import { formatCount, formatDuration, Throughput, trainingFlopsPerToken } from './throughput.js';

const config = (extra: object) => parseTrainerConfig({ out: 'a', ...extra });

describe('plans', () => {
  it('take steps as they are and round tokens up to whole steps', () => {
    expect(fixedTotal(config({ steps: 7 }), 100)).toBe(7);
    expect(fixedTotal(config({ tokens: 701 }), 100)).toBe(8);
    expect(fixedTotal(config({ minutes: 1 }), 100)).toBeUndefined();
  });

  it('pause eight times by default and warm up for at most a tenth', () => {
    expect(makePlan(config({ steps: 80 }), 80)).toEqual({
      total: 80,
      warmup: 8,
      validateEvery: 10,
      checkpointEvery: 10,
      sampleEvery: 10,
      validationBatches: 8,
    });
    expect(makePlan(config({ steps: 80, validateEvery: 3, checkpointEvery: 5, warmup: 2 }), 80)).toEqual({
      total: 80,
      warmup: 2,
      validateEvery: 3,
      checkpointEvery: 5,
      sampleEvery: 3,
      validationBatches: 8,
    });
    expect(makePlan(config({ steps: 1 }), 1).validateEvery).toBe(1);
  });

  /** Plays a run on a simulated clock; returns its seconds. */
  const play = (minutes: number, stepSeconds: (step: number) => number, pauseSeconds: number) => {
    const run = config({ minutes });
    const throughput = new Throughput();
    let elapsed = pauseSeconds;
    let plan: Plan | undefined;
    for (let step = 1; ; step++) {
      const seconds = stepSeconds(step);
      elapsed += seconds;
      if (step > 1) throughput.add(seconds);
      const pace = { elapsed, step, stepSeconds: throughput.stepSeconds ?? seconds, pauseSeconds };
      plan =
        plan && step > 5 ? keepOnTime(plan, minutes * 60, pace) : planForTime(run, minutes * 60, 3, pace);
      if (step >= plan.total || step % plan.validateEvery === 0) elapsed += pauseSeconds;
      if (step >= plan.total) return { elapsed, steps: step, plan };
    }
  };

  it('end within three per cent of the minutes, whatever the machine', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0.5, 1, 3),
        fc.double({ min: 0.02, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        (minutes, seconds, pause, noise) => {
          const wobble = (step: number) =>
            seconds * (1 + noise * Math.sin(step * 12.9898)) * (step === 1 ? 3 : 1);
          const { elapsed } = play(minutes, wobble, pause);
          // A step or a pause cannot be cut in two.
          expect(Math.abs(elapsed - minutes * 60)).toBeLessThan(minutes * 60 * 0.03 + seconds * 1.5 + pause);
        },
      ),
    );
  });

  it('follow a machine that becomes three times slower halfway', () => {
    const { elapsed, plan } = play(1, (step) => (step < 100 ? 0.1 : 0.3), 0.5);
    expect(elapsed).toBeGreaterThan(57);
    expect(elapsed).toBeLessThan(63);
    expect(plan.total).toBeLessThan(400);
  });

  it('are left alone while on time', () => {
    const plan = makePlan(config({ minutes: 1 }), 100);
    const pace = { elapsed: 30, step: 50, stepSeconds: 0.601, pauseSeconds: 0 };
    expect(keepOnTime(plan, 60, pace)).toBe(plan);
    expect(keepOnTime(plan, 60, { ...pace, stepSeconds: 1.2 })).toMatchObject({
      total: 75,
      validateEvery: 13,
    });
  });

  it('validate on as much as there is time for', () => {
    const batches = (extra: object, seconds: number) =>
      batchesForTime(config({ minutes: 1, ...extra }), 60, seconds);
    expect([0.001, 0.15, 0.3, 5].map((s) => batches({}, s))).toEqual([8, 4, 2, 1]);
    expect(batches({ validationBatches: 20 }, 5)).toBe(20);
  });

  it('do not spend the time on pauses', () => {
    const { plan } = play(0.5, () => 0.5, 4);
    expect(plan.total).toBeGreaterThan(30);
  });
});

describe('numbers', () => {
  it('speed is the median, so the first slow step does not count', () => {
    const throughput = new Throughput(4);
    expect(throughput.stepSeconds).toBeUndefined();
    for (const s of [50, 1, 2, 3]) throughput.add(s);
    expect(throughput.stepSeconds).toBe(2.5);
    throughput.add(1);
    expect(throughput.stepSeconds).toBe(1.5);
  });

  it('counts the operations of GPT-2 124M at 1024 tokens as llm.c does', () => {
    const flops = trainingFlopsPerToken({ parameters: 124_439_808, layers: 12, width: 768, context: 1024 });
    expect(flops).toBe(803_261_952);
  });

  it.each([
    [0.4, '0s'],
    [59.4, '59s'],
    [61, '1m 01s'],
    [3725, '1h 02m'],
    [100_000, '1d 03h'],
  ])('%d seconds are %s', (s, text) => expect(formatDuration(s)).toBe(text));

  it.each([
    [0, '0'],
    [999, '999'],
    [0.5, '0.50'],
    [999.6, '1.00k'],
    [1_234_567, '1.23M'],
    [45_600, '45.6k'],
    [123_456, '123k'],
  ])('%d is %s', (n, text) => expect(formatCount(n)).toBe(text));
});
