import type { Tensor } from '@inkstone/tensor-core';

/** What can be trained: every `Module` of @inkstone/tensor-core/nn. */
export interface TrainableModel {
  namedParameters(): Iterable<readonly [string, Tensor]>;
  /** Tensors that are saved but not trained. */
  namedBuffers?(): Iterable<readonly [string, Tensor]>;
  /** Switches dropout and the like on. */
  train(on?: boolean): unknown;
  /** Switches them off. */
  eval(): unknown;
}

/** Parameters by name, each tensor once: a tied one is found under two names. */
export function distinctParameters(model: TrainableModel): Map<string, Tensor> {
  const seen = new Set<Tensor>();
  const result = new Map<string, Tensor>();
  for (const [name, parameter] of model.namedParameters()) {
    if (seen.has(parameter)) continue;
    seen.add(parameter);
    result.set(name, parameter);
  }
  return result;
}

/**
 * Everything of a model that a checkpoint holds: parameters and buffers by name.
 *
 * @example
 * [...modelTensors(model).keys()]; // ['table.weight']
 */
export function modelTensors(model: TrainableModel): Map<string, Tensor> {
  return new Map([...distinctParameters(model), ...(model.namedBuffers?.() ?? [])]);
}
