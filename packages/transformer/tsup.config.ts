import { build } from '../../tools/tsup.base.mjs';

export default build();
