import { defineConfig } from 'vitest/config';

const conditions = ['@inkstone/source', 'module', 'import', 'node', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'native/test/**/*.test.ts',
      'tools/**/*.test.ts',
    ],
    setupFiles: ['tools/testing/fail-on-console.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
