// The operations, one line each: what is exported here is public, documented, a method of Tensor (where its first
// argument is one), and under the law suite.
export { add } from './add.js';
export { cast } from './cast.js';
export { clone, contiguous } from './clone.js';
export { expand } from './expand.js';
export { permute, transpose } from './permute.js';
export { flatten, reshape, squeeze, unsqueeze } from './reshape.js';
export { select, slice } from './slice.js';
export { sum } from './sum.js';
