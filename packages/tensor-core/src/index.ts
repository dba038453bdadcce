import { installMethods } from './ops/methods.js';

installMethods();

export { isRecording, noGrad } from './autograd.js';
export {
  DTYPES,
  type DType,
  fromBf16,
  fromF16,
  isFloat,
  promote,
  type TensorData,
  toBf16,
  toF16,
} from './dtype.js';
export { TensorError, type TensorErrorCode } from './errors.js';
export { checkGradient, type GradientCheckOptions } from './gradcheck.js';
export type { Cost, OpDefinition, Operation } from './op.js';
export type { Activation } from './ops/activation.js';
export { arange, full, ones, onesLike, zeros, zerosLike } from './ops/creation.js';
export * from './ops/index.js';
export type { LinearOptions } from './ops/linear.js';
export type { QuantFormat, QuantizedWeights } from './ops/quantized.js';
export { type AdamWOptions, adamw, clipGradNorm, globalNorm, scale_ } from './optimizer.js';
export { type MatmulPrecision, matmulPrecision, withMatmulPrecision } from './precision.js';
export {
  defaultGenerator,
  Generator,
  type GeneratorState,
  manualSeed,
  type RandomOptions,
  randn,
  uniform,
} from './random.js';
export { type Device, deviceStatus, mapFile } from './runtime.js';
export { keep, Scope, scope } from './scope.js';
export type { Shape } from './shape.js';
export { type MemoryStatistics, memory, resetPeakMemory, setMemoryLimit, trimMemory } from './storage.js';
export { type NestedNumbers, Tensor, type TensorOptions, tensor } from './tensor.js';
