import { adamw, clipFactor, globalNorm, keep, type Tensor, zerosLike } from '@inkstone/tensor-core';
import { TrainerError } from './errors.js';
import { distinctParameters, type TrainableModel } from './model.js';

/** Settings of {@link AdamW} that hold for a whole run. */
export interface AdamWSettings {
  beta1: number;
  beta2: number;
  eps: number;
  /** On parameters of two or more dimensions only: biases and norms are not decayed. */
  weightDecay: number;
}

interface Slot {
  readonly name: string;
  readonly parameter: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

/**
 * AdamW over a model's trainable parameters, with its moments.
 *
 * Loshchilov and Hutter, Decoupled Weight Decay Regularization, arXiv:1711.05101, algorithm 2.
 *
 * @example
 * const optimizer = new AdamW(model, { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1 });
 * loss.backward();
 * const { norm, scale } = optimizer.clip(1);
 * optimizer.step(3e-4, 1, scale);
 * optimizer.zeroGrad();
 */
export class AdamW {
  readonly #slots: readonly Slot[];

  /** @throws TrainerError E_CONFIG when there is nothing to train, or a parameter is not f32 or f64. */
  constructor(
    model: TrainableModel,
    private readonly settings: AdamWSettings,
  ) {
    const trainable = [...distinctParameters(model)].filter(([, p]) => p.requiresGrad);
    if (trainable.length === 0)
      throw new TrainerError(
        'E_CONFIG',
        'model',
        'something must be trainable',
        'only frozen parameters',
        'unfreeze some',
      );
    for (const [name, { dtype }] of trainable)
      if (dtype !== 'f32' && dtype !== 'f64')
        throw new TrainerError(
          'E_CONFIG',
          name,
          'parameters in training must be f32 or f64',
          dtype,
          "convert the model to f32; precision: 'bf16' multiplies in bf16 all the same",
        );
    this.#slots = trainable.map(([name, parameter]) => ({
      name,
      parameter,
      m: keep(zerosLike(parameter)),
      v: keep(zerosLike(parameter)),
    }));
  }

  /** The moments by name, `m.<parameter>` and `v.<parameter>`: what a checkpoint holds of the optimizer. */
  tensors(): Map<string, Tensor> {
    return new Map(
      this.#slots.flatMap(({ name, m, v }) => [
        [`m.${name}`, m],
        [`v.${name}`, v],
      ]),
    );
  }

  /**
   * The norm of all gradients, and the factor that brings it down to `limit`, min(1, limit / (norm + 1e-6)), for
   * {@link AdamW.step}. The gradients stay as they are: scaling them as they are read spares a pass over them.
   *
   * @param limit 0 does not clip.
   */
  clip(limit: number): { norm: number; scale: number } {
    const norm = globalNorm(this.#slots.flatMap(({ parameter }) => parameter.grad ?? []));
    return { norm, scale: limit > 0 ? clipFactor(norm, limit) : 1 };
  }

  /**
   * One step from the gradients at hand, over all parameters in one call; those without a gradient are left alone.
   *
   * @param step the number of this step, from 1.
   * @param gradientScale what gradients are multiplied with; see {@link AdamW.clip}.
   */
  step(lr: number, step: number, gradientScale = 1): void {
    const { weightDecay, ...rest } = this.settings;
    const ready = this.#slots.filter(({ parameter }) => parameter.grad);
    adamw(
      ready.map((s) => s.parameter),
      ready.map((s) => s.parameter.grad!),
      ready.map((s) => s.m),
      ready.map((s) => s.v),
      {
        ...rest,
        lr,
        step,
        gradientScale,
        weightDecay: ready.map(({ parameter }) => (parameter.rank >= 2 ? weightDecay : 0)),
      },
    );
  }

  /** Frees the gradients. */
  zeroGrad(): void {
    for (const { parameter } of this.#slots) {
      parameter.grad?.dispose();
      parameter.grad = null;
    }
  }

  /** Frees the moments. */
  dispose(): void {
    for (const { m, v } of this.#slots) {
      m.dispose();
      v.dispose();
    }
  }
}
