import { noGrad } from './autograd.js';
import { TensorError } from './errors.js';
import { scope } from './scope.js';
import { Tensor, tensor } from './tensor.js';

/** Options of {@link checkGradient}. */
export interface GradientCheckOptions {
  /** Step of the central difference. Default 1e-5. */
  step?: number;
  /** Allowed error, relative to max(1, |gradient|). Default 1e-6. */
  tolerance?: number;
  /** Seed of the random cotangent. Default 0. */
  seed?: number;
  /** Which inputs to check; all float ones by default. */
  inputs?: readonly boolean[];
}

/**
 * Compares the recorded gradient of `f` with central differences, along a random cotangent c:
 * d/dx sum(c * f(x)) against (sum(c * f(x + h)) - sum(c * f(x - h))) / 2h, element by element.
 *
 * A plain sum would hide mistakes: the gradient of sum(softmax(x)) is zero, so a rule that returns zeros passes.
 *
 * @param f any function of tensors; every float output is covered
 * @param inputs float64 tensors on one device; their `grad` is overwritten
 * @throws TensorError E_NATIVE naming the input, element, and both values when they differ
 * @example
 * checkGradient((x) => x.gelu(), [tensor([0.5, -1], { dtype: 'f64' })]);
 */
export function checkGradient(
  f: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  { step = 1e-5, tolerance = 1e-6, seed = 0, inputs: wanted }: GradientCheckOptions = {},
): void {
  const random = uniform(seed);
  const checked = inputs.map((t, i) => (wanted ? wanted[i]! : t.dtype === 'f64'));
  const outputsOf = (list: readonly Tensor[]) => {
    const result = f(...list);
    return (result instanceof Tensor ? [result] : result).filter((t) => t.dtype === 'f64');
  };
  const cotangents: Float64Array[] = [];
  scope(() => {
    inputs.forEach((t, i) => {
      t.grad?.dispose();
      t.grad = null;
      t.setRequiresGrad(checked[i]!);
    });
    for (const y of outputsOf(inputs)) {
      const c = Float64Array.from({ length: y.size }, () => 2 * random() - 1);
      cotangents.push(c);
      if (y.requiresGrad)
        y.backward(tensor(c, { shape: y.shape, dtype: 'f64', device: y.device }), { retainGraph: true });
    }
  });

  const objective = () =>
    scope(() =>
      noGrad(() =>
        outputsOf(inputs).reduce((total, y, k) => {
          const values = y.numbers();
          return total + values.reduce((s, v, i) => s + v * cotangents[k]![i]!, 0);
        }, 0),
      ),
    );
  inputs.forEach((t, which) => {
    if (!checked[which]) return;
    const analytic = t.grad ? t.grad.numbers() : new Float64Array(t.size);
    const x = t.numbers();
    for (let i = 0; i < x.length; i++) {
      const at = (value: number) => {
        const moved = x.slice();
        moved[i] = value;
        t.write_(moved);
        return objective();
      };
      const numeric = (at(x[i]! + step) - at(x[i]! - step)) / (2 * step);
      t.write_(x);
      if (!(Math.abs(numeric - analytic[i]!) <= tolerance * Math.max(1, Math.abs(numeric))))
        throw new TensorError(
          'E_NATIVE',
          'checkGradient',
          `input ${which}, element ${i}: the gradient must be ${numeric}`,
          `${analytic[i]}`,
          'correct the gradient rule, or move the input off a kink',
        );
    }
  });
}

// A small seeded generator (mulberry32): the check must not depend on the tensor package's own random numbers.
function uniform(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
