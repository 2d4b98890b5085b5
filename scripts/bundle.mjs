// Builds the server into one file. Loading a thousand small modules took over a third of the start (docs/decisions/0001-bundle.md).
// Only what is many files is bundled; packages with native or lazily loaded parts stay outside.
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const BUNDLED = /^(?:kysely|typebox|lru-cache|@latchkey\/protocol)(?:\/|$)/;

const bundle = await rolldown({
  input: {
    main: at('../server/src/main.ts'),
    'wal-checkpoint-worker': at('../server/src/database/wal-checkpoint-worker.ts'),
    'slow-hash-worker': at('../server/src/accounts/slow-hash-worker.ts'),
  },
  platform: 'node',
  external: (id) => !id.startsWith('.') && !id.startsWith('/') && !BUNDLED.test(id),
  resolve: { conditionNames: ['latchkey-source', 'import', 'node', 'default'] },
  tsconfig: false,
});
rmSync(at('../server/dist'), { recursive: true, force: true });
await bundle.write({
  dir: at('../server/dist'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
});
await bundle.close();
// What browsers get: served by the program from beside it.
cpSync(at('../server/src/pages/assets'), at('../server/dist/assets'), {
  recursive: true,
  filter: (path) => !path.endsWith('.ts'),
});
