// Our side of bench:kernels: prepares and times the cases it is asked for, one JSON line each way.
import { createInterface } from 'node:readline';
import { isFloat, Scope, scope, trimMemory } from '@inkstone/tensor-core';

let run = null;
let held = null;

function fingerprint(t) {
  const wide = isFloat(t.dtype) && t.dtype !== 'f64' ? t.cast('f32') : t;
  const values = wide.contiguous().dataSync();
  let [sum, absolute, weighted] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    absolute += Math.abs(values[i]);
    weighted += values[i] * (((i * 31) % 257) / 256);
  }
  return { size: values.length, sum, absolute, weighted };
}

const answers = {
  async prepare({ family, case: c }) {
    const { prepare } = await import(`./${family}.mjs`);
    held = new Scope();
    run = prepare(c);
    return { fingerprints: scope(() => [run()].flat().map(fingerprint)) };
  },
  time({ seconds, batch }) {
    const once = () => {
      for (let i = 0; i < batch; i++) run();
    };
    scope(() => {
      once();
    });
    const times = [];
    const end = performance.now() + seconds * 1e3;
    do {
      const start = performance.now();
      scope(() => {
        once();
      });
      times.push((performance.now() - start) / 1e3 / batch);
    } while (performance.now() < end);
    return { times };
  },
  drop() {
    run?.free?.();
    run = null;
    held[Symbol.dispose]();
    trimMemory();
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  let answer;
  try {
    answer = await answers[message.do](message);
  } catch (e) {
    answer = { error: e.stack };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
