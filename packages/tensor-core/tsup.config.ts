import { build } from '../../tools/tsup.base.mjs';

// One chunk graph for both entries: they share the Tensor class.
export default build({ entry: { index: 'src/index.ts', 'nn/index': 'src/nn/index.ts' }, splitting: true });
