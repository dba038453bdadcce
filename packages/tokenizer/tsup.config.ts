import { build } from '../../tools/tsup.base.mjs';

// One chunk graph for both entries: they share the model classes.
export default build({ entry: { index: 'src/index.ts', native: 'src/native.ts' }, splitting: true });
