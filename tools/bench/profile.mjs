// Where the time of one GPT training step goes: the kernels' wall time a step, by kernel and shapes, and their calls.
// usage: profile.mjs LAYERS HEADS WIDTH CONTEXT BATCH VOCAB STEPS [bf16]
import { loadAddon } from '@inkstone/native';
import { DTYPES } from '@inkstone/tensor-core';

const addon = loadAddon();
const command = new Float64Array(addon.commandBuffer());
let kernels;
const launch = addon.launch.bind(addon);
const names = Object.fromEntries(Object.entries(DTYPES).map(([name, { code }]) => [code, name]));
const calls = new Map();

// The shapes of the views that follow the attributes of a command.
function describe() {
  const [, , nIn, nOut, nAttrs] = command;
  let at = 5 + nAttrs;
  const views = [];
  for (let i = 0; i < nIn + nOut && i < 8; i++) {
    const rank = command[at + 3];
    const shape = [...command.subarray(at + 4, at + 4 + rank)];
    const strides = command.subarray(at + 4 + rank, at + 4 + 2 * rank);
    const turned = rank >= 2 && strides[rank - 1] !== 1 && strides[rank - 2] === 1 ? 'T' : '';
    views.push(`${names[command[at + 2]]}[${shape.join('x')}]${turned}`);
    at += 4 + 2 * rank;
  }
  if (nIn + nOut > 8) views.push(`${nIn + nOut} in all`);
  const { name, layout } = kernels[command[0]];
  // Whole numbers choose what a kernel does; the others, such as a learning rate, may change from step to step.
  const choices = layout
    .split(';')
    .flatMap((a, i) => (a.startsWith('i:') && a !== 'i:step' ? [command[5 + i]] : []));
  return `${name}(${choices.join(' ')}) ${views.join(' ')}`;
}

addon.launch = () => {
  kernels ??= addon.kernels(0);
  const key = describe();
  const start = performance.now();
  const status = launch();
  const ms = performance.now() - start;
  const list = calls.get(key) ?? [];
  list.push(ms);
  calls.set(key, list);
  return status;
};
process.on('exit', () => {
  const steps = Number(process.argv[8]);
  // What an eighth of a kernel's calls kept to is about what it costs undisturbed; calls are counted per step.
  const rows = [...calls].map(([key, list]) => {
    const sorted = [...list].sort((a, b) => a - b);
    const perStep = list.length / steps;
    return {
      key,
      perStep,
      median: perStep * sorted[list.length >> 1],
      eighth: perStep * sorted[Math.min(list.length - 1, list.length >> 3)],
    };
  });
  rows.sort((a, b) => b.median - a.median);
  for (const r of rows.slice(0, 45))
    console.log(
      `${r.median.toFixed(2).padStart(8)} ms (${r.eighth.toFixed(2)}) x${r.perStep.toFixed(1).padEnd(5)} ${r.key}`,
    );
  const sum = (f) => rows.reduce((n, r) => n + f(r), 0);
  console.log(
    `kernels ${sum((r) => r.median).toFixed(1)} ms a step by medians, ${sum((r) => r.eighth).toFixed(1)} by the fastest eighths`,
  );
});
await import('./inkstone_gpt.mjs');
