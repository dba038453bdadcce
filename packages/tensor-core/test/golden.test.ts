// Against PyTorch: results and gradients of tools/golden/conv_recurrent.py, in f32 and f64.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import * as core from '../src/index.js';
import { type Device, type DType, deviceStatus, scope, type Tensor, tensor } from '../src/index.js';
import { GRU, LSTM } from '../src/nn/index.js';
import { expectClose } from '../src/ops/testing/laws.js';

interface Plain {
  shape: number[];
  values: number[];
}
interface Case {
  op: string;
  // biome-ignore lint/suspicious/noExplicitAny: options as the file has them; the operations check them
  args: any;
  inputs: Record<string, Plain>;
  outputs: Plain[];
  cotangents: Plain[];
  gradients: Record<string, Plain>;
}

const file = path.join(import.meta.dirname, 'fixtures/conv_recurrent.json');
const cases = JSON.parse(readFileSync(file, 'utf8')) as Case[];
type Inputs = Record<string, Tensor>;

function recurrent({ op, args }: Case, inputs: Inputs, options: { dtype: DType; device: Device }): Tensor[] {
  const { x, h, c, ...weights } = inputs as Inputs & { x: Tensor; h: Tensor; c: Tensor };
  const { inputSize, hiddenSize, ...rest } = args;
  const model =
    op === 'LSTM'
      ? new LSTM(inputSize, hiddenSize, { ...rest, ...options })
      : new GRU(inputSize, hiddenSize, { ...rest, ...options });
  // The names are PyTorch's: loading fails on any other. Gradients are read from the model's own parameters.
  model.loadStateDict(weights as Inputs);
  Object.assign(inputs, model.stateDict());
  return Object.values(model.forward(x, { h, c }));
}

function run(c: Case, inputs: Inputs, options: { dtype: DType; device: Device }): Tensor[] {
  const { x, weight, bias } = inputs as Inputs & { x: Tensor; weight: Tensor };
  const { kernel, size, groups, movedMean, movedVar, ...args } = c.args;
  switch (c.op) {
    case 'conv2d':
      return [core.conv2d(x, weight, bias, c.args)];
    case 'conv1d':
      return [core.conv1d(x, weight, bias, c.args)];
    case 'maxPool2d':
      return [core.maxPool2d(x, kernel, args)];
    case 'avgPool2d':
      return [core.avgPool2d(x, kernel, args)];
    case 'adaptiveAvgPool2d':
      return [core.adaptiveAvgPool2d(x, size)];
    case 'interpolate':
      return [core.interpolate(x, c.args)];
    case 'groupNorm':
      return [core.groupNorm(x, groups, weight, bias)];
    case 'batchNorm':
      // What the running statistics became is compared below.
      return [core.batchNorm(x, { ...args, weight, bias, ...pick(inputs, 'runningMean', 'runningVar') })];
    default:
      return recurrent(c, inputs, options);
  }
}

const pick = (inputs: Inputs, ...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, inputs[name]!]));

const status = deviceStatus();
const runs = (['cpu', 'ref'] as const).flatMap((device) =>
  (['f32', 'f64'] as const).map((dtype) => ({ device, dtype })),
);

describe.each(runs)('PyTorch agrees on $device in $dtype', ({ device, dtype }) => {
  it.skipIf(!status[device].present).each(cases.map((c, i) => ({ ...c, name: `${c.op} ${i}` })))(
    '$name $args',
    (c) =>
      scope(() => {
        const make = (p: Plain, d: DType = dtype) =>
          tensor(Float64Array.from(p.values), { shape: p.shape, dtype: d, device });
        const tolerance = dtype === 'f64' ? 1e-8 : 2e-4;
        const inputs = Object.fromEntries(Object.entries(c.inputs).map(([k, p]) => [k, make(p)]));
        for (const name of Object.keys(c.gradients)) inputs[name]!.setRequiresGrad();
        const outputs = run(c, inputs, { dtype, device });
        expect(outputs.map((y) => y.shape)).toEqual(c.outputs.map((y) => y.shape));
        outputs.forEach((y, i) => {
          expectClose(y.numbers(), c.outputs[i]!.values, tolerance);
          y.backward(make(c.cotangents[i]!), { retainGraph: true });
        });
        for (const [name, g] of Object.entries(c.gradients)) {
          expect(inputs[name]!.grad, name).not.toBeNull();
          expectClose(inputs[name]!.grad!.numbers(), g.values, tolerance);
        }
        const { movedMean, movedVar } = c.args;
        if (movedMean) expectClose(inputs.runningMean!.numbers(), movedMean.values, tolerance);
        if (movedVar) expectClose(inputs.runningVar!.numbers(), movedVar.values, tolerance);
        // Parameters belong to no scope.
        for (const t of Object.values(inputs)) t.dispose();
      }),
  );
});
