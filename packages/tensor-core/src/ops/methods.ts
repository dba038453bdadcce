import type { OpDefinition } from '../op.js';
import { Tensor } from '../tensor.js';
import { fill_, onesLike, zerosLike } from './creation.js';
import * as operations from './index.js';

type Operations = typeof operations;

// Forgetting an op's definition is a type error here.
type Defined = { [K in keyof Operations]: { readonly definition: OpDefinition<never> } };

type MethodOf<F> = F extends (x: Tensor, ...rest: infer Rest) => infer Result
  ? (...rest: Rest) => Result
  : never;

/**
 * Every operation as a method; `never`, and so not callable, where its first argument is not a tensor. The keys must
 * not depend on the operations' types, or Tensor would have to be known to find its own members.
 */
export type TensorMethods = {
  [K in keyof Operations]: MethodOf<Operations[K]>;
} & {
  /** Sets every element in place. */
  fill_(value: number): Tensor;
  /** Zeros of this tensor's shape, dtype and device. */
  zerosLike(): Tensor;
  /** Ones of this tensor's shape, dtype and device. */
  onesLike(): Tensor;
};

/** Makes the operations methods of Tensor; the package's entry calls it once. */
export function installMethods(): void {
  const all: Defined = operations;
  for (const [name, f] of Object.entries({ ...all, fill_, zerosLike, onesLike })) {
    const operation = f as unknown as (...args: unknown[]) => unknown;
    Object.defineProperty(Tensor.prototype, name, {
      value(this: Tensor, ...rest: unknown[]) {
        return operation(this, ...rest);
      },
      writable: true,
      configurable: true,
    });
  }
}
