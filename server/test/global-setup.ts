import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './services/postgres.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A PostgreSQL where tests may create databases; see `createDatabase` in services/postgres.ts. */
    postgresUrl: string;
  }
}

/** Runs once before all test files: one PostgreSQL for everyone. Returns the teardown. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(fileURLToPath(new URL('../dist/main.js', import.meta.url)))) {
    process.stderr.write(
      'latchkey: server/dist/main.js is missing; tests that start the server need `npm run build`\n',
    );
  }
  const postgres = await startPostgres();
  project.provide('postgresUrl', postgres.url);
  return () => postgres.stop();
}
