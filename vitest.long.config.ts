import { testRun } from './vitest.config.ts';

const config = testRun({
  include: ['protocol/src/**/*.long.test.ts', 'server/src/**/*.long.test.ts', 'server/test/**/*.long.test.ts'],
  exclude: [],
  testTimeoutMs: 300_000,
  hookTimeoutMs: 120_000,
});

export default { ...config, test: { ...config.test, passWithNoTests: true } };
