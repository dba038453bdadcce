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
export type { AvgPoolOptions } from './ops/avgPool2d.js';
export type { BatchNormOptions } from './ops/batchNorm.js';
export type { Conv1dOptions } from './ops/conv1d.js';
export type { ConvOptions, Padding, Pair } from './ops/conv2d.js';
export { arange, full, ones, onesLike, zeros, zerosLike } from './ops/creation.js';
export * from './ops/index.js';
export type { InterpolateOptions, InterpolationMode } from './ops/interpolate.js';
export type { LinearOptions } from './ops/linear.js';
export type { PoolOptions } from './ops/maxPool2d.js';
export type { PoolOptions1d } from './ops/pooling.js';
export type { QuantFormat, QuantizedWeights } from './ops/quantized.js';
export type { RecurrentWeights } from './ops/recurrent.js';
export { type AdamWOptions, adamw, clipFactor, clipGradNorm, globalNorm, scale_ } from './optimizer.js';
export { PackedWeight, packWeight } from './packedWeight.js';
export { PackedWeights } from './packedWeights.js';
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
