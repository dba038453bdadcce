import { DTYPES, type DType } from '../dtype.js';
import { copyInto } from '../layout.js';
import { apply1, type OpDefinition, operation } from '../op.js';
import { type Device, requireDevice } from '../runtime.js';
import { empty, type Tensor } from '../tensor.js';
import { cast } from './cast.js';

interface ToAttrs {
  dtype: DType;
  device: Device;
  from: Device;
}

const definition: OpDefinition<ToAttrs> = {
  name: 'to',
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  reference: ([x]) => [x!.data],
  everywhere: true,
  run([x], { dtype, device }) {
    const y = empty('to', x!.shape, dtype, device);
    copyInto(y, x!);
    return [y];
  },
  grad: (ctx, [dy]) => [to(dy, { dtype: ctx.inputSpecs[0]!.dtype, device: ctx.attrs.from })],
  cost: ([x], { dtype }) => ({ flops: 0, bytes: x!.size * (DTYPES[x!.dtype].bytes + DTYPES[dtype].bytes) }),
};

/**
 * The same values in another dtype, on another device, or both; what is not given stays. A view where nothing changes.
 *
 * @param x any shape
 * @throws TensorError E_DEVICE when the device is not present, E_DTYPE, E_OOM
 * @example
 * const reference = x.to({ device: 'ref', dtype: 'f64' });
 */
export const to = operation(
  definition,
  (x: Tensor, { dtype = x.dtype, device = x.device }: { dtype?: DType; device?: Device }): Tensor => {
    if (device === x.device) return cast(x, dtype);
    requireDevice('to', device);
    return apply1(definition, [x], { dtype, device, from: x.device });
  },
);
