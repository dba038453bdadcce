import { defineConfig } from 'tsup';

/** The build every TypeScript package shares: ESM, types, source maps, one chunk graph. */
export const build = (overrides = {}) =>
  defineConfig({
    entry: ['src/index.ts'],
    format: 'esm',
    target: 'node20',
    dts: true,
    sourcemap: true,
    clean: true,
    treeshake: true,
    ...overrides,
  });
