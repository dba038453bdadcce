// The cost of one small operation from TypeScript: add over 16 floats, in a scope, freed as a training step frees.
import { scope, tensor } from '@inkstone/tensor-core';

const a = tensor(new Float32Array(16).fill(1));
const b = tensor(new Float32Array(16).fill(2));
const calls = 1000;
const batch = () => {
  const start = performance.now();
  scope(() => {
    for (let i = 0; i < calls; i++) a.add(b);
  });
  return ((performance.now() - start) * 1e3) / calls;
};
for (let i = 0; i < 50; i++) batch();
const times = Array.from({ length: 200 }, batch).sort((x, y) => x - y);
console.log(JSON.stringify({ microseconds: times[100], fastest: times[0] }));
