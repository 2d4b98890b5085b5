import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Where the tests are, and how long one may take. */
export interface Selection {
  include: string[];
  exclude: string[];
  testTimeoutMs: number;
  hookTimeoutMs: number;
}

// Vite's own defaults for Node after ours: workspace packages resolve to their TypeScript sources.
const conditions = ['latchkey-source', 'module', 'node', 'development|production'];
const report = process.env.LATCHKEY_TEST_REPORT;

/** The settings that every run shares. LATCHKEY_TEST_REPORT names a file for a JSON report beside the usual output. */
export function testRun({ include, exclude, testTimeoutMs, hookTimeoutMs }: Selection): ViteUserConfig {
  return defineConfig({
    resolve: { conditions },
    ssr: { resolve: { conditions } },
    test: {
      include,
      exclude: ['**/node_modules/**', '**/dist/**', ...exclude],
      globalSetup: 'server/test/global-setup.ts',
      pool: 'forks',
      maxWorkers: 2,
      // Files of one process share their modules: loading those anew took a quarter of the time.
      isolate: false,
      testTimeout: testTimeoutMs,
      hookTimeout: hookTimeoutMs,
      reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    },
  });
}

export default testRun({
  include: ['protocol/src/**/*.test.ts', 'server/src/**/*.test.ts', 'server/test/**/*.test.ts'],
  exclude: ['**/*.long.test.ts'],
  testTimeoutMs: 30_000,
  hookTimeoutMs: 60_000,
});
