// Registers the law suite of an operation. A test file beside each op gives the inputs to draw and the op's own numbers.
import { describe, expect, it } from 'vitest';
import { isFloat } from '../../dtype.js';
import { TensorError } from '../../errors.js';
import { scope } from '../../index.js';
import type { OpDefinition } from '../../op.js';
import type { Device } from '../../runtime.js';
import {
  carriesSpecials,
  dtypesOf,
  equalsReference,
  expectClose,
  gradientsAgree,
  hasGradient,
  ignoresStrides,
  isRepeatable,
  type OpSpec,
  readsSharedElements,
  readsSharedInputs,
  sound,
  status,
  survivesOutOfMemory,
} from './law.js';

export * from './cases.js';
export { expectClose, type OpSpec } from './law.js';

const devices: readonly Device[] = ['ref', 'cpu', 'cuda'];

/** Registers the law suite of one operation. */
export function laws<Args>(op: { readonly definition: OpDefinition<never> }, spec: OpSpec<Args>): void {
  const { differentiable = true, specials = true, values = [], errors = [] } = spec;
  const dtypes = dtypesOf(spec);

  describe.each(devices)(`${op.definition.name} on %s`, (device) => {
    if (!status[device].present) {
      it.skip(`skipped: no device ${device} (${status[device].reason})`, () => undefined);
      return;
    }
    it.each(dtypes)('%s equals the reference', (dtype) => equalsReference(spec, device, dtype));
    if (specials)
      it.each(dtypes.filter(isFloat))('%s carries NaN and infinities as the reference does', (dtype) =>
        carriesSpecials(spec, device, dtype),
      );
    it('gives a strided view what its contiguous copy gets', () => ignoresStrides(spec, device));
    it('reads views whose elements share memory', () => readsSharedElements(spec, device));
    it('reads one tensor given twice', () => readsSharedInputs(spec, device));
    if (device !== 'ref')
      it('throws E_OOM where memory ends, and works again after it', () => survivesOutOfMemory(spec, device));
    it('gives the same bits every time', () => isRepeatable(spec, device));
    if (differentiable) {
      it('has the gradient that central differences see, under a random cotangent, in float64', () =>
        hasGradient(spec, device));
      if (device !== 'ref')
        it.each(dtypes.filter((d) => isFloat(d) && d !== 'f64'))('%s gradients agree with float64', (dtype) =>
          gradientsAgree(spec, device, dtype),
        );
    }
    for (const { name, run, expected } of values)
      it(name, () => sound(() => scope(() => expectClose(run(device).numbers(), expected, 1e-6))));
  });

  if (errors.length > 0)
    describe(`${op.definition.name} refuses`, () => {
      it.each(errors)('$name', ({ run, code }) => {
        const attempt = () =>
          scope(() => {
            try {
              run();
            } catch (e) {
              return e;
            }
          });
        sound(() => {
          const error = attempt();
          expect(error, `nothing was thrown; expected ${code}`).toBeInstanceOf(TensorError);
          expect((error as TensorError).code).toBe(code);
        });
      });
    });
}
