import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS, type Host, type Program, runCommandLine } from './cli/index.ts';
import { systemClock } from './clock.ts';
import {
  type Config,
  hasGeneratedEncryptionKeys,
  inspectSettings,
  localInstallation,
  prependEncryptionKey,
  readConfig,
  SETTINGS,
} from './config/index.ts';
import { pooledRandom } from './crypto/index.ts';

const randomBytes = pooledRandom();

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

const readSettings: Program['readSettings'] = (options) => {
  const result = readConfig(process.env, process.cwd(), randomBytes, options);
  for (const name of result.unknownSettings) {
    process.stderr.write(`latchkey: ${name} is no setting of this version; it has no effect\n`);
  }
  return result;
};

const serve: Program['serve'] = async (config, log) => {
  isServing = true;
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'a promise was rejected and nobody heard');
    process.exit(1);
  });
  const { serve: start } = await import('./serve.ts');
  return start(config, { clock: systemClock, randomBytes, log, version: version() });
};

// The server's own parts are loaded by the commands that need them: the others start without.
const program: Program = {
  settings: SETTINGS,
  readSettings,
  inspectSettings: () => inspectSettings(process.env, process.cwd()),
  redisFacts: async (url) => (await import('./limits/index.ts')).redisFacts(url),
  localInstallation: () => localInstallation(process.env, process.cwd()),
  createLog: async ({ logLevel }: Config) => {
    const { createLog } = await import('./log.ts');
    return createLog(logLevel, { write: (line) => void process.stderr.write(line) });
  },
  serve,
  openDatabase: async (config, log) => (await import('./compose.ts')).openDatabase(config, log),
  migrations: async () => (await import('./compose.ts')).MIGRATIONS,
  sealedColumns: async () => (await import('./compose.ts')).SEALED_COLUMNS,
  addGeneratedEncryptionKey: async (dataDir, entry) => {
    if (!hasGeneratedEncryptionKeys(dataDir)) return false;
    const { takeFileLock } = await import('./database/index.ts');
    const lock = takeFileLock(join(dataDir, 'encryption-keys.lock'));
    try {
      return lock !== null && prependEncryptionKey(dataDir, entry);
    } finally {
      lock?.release();
    }
  },
};

const interrupt = new AbortController();
let hearsSignals = false;

/** Ctrl-C or SIGTERM ends the command cleanly; a second one at once. */
function interruption(): AbortSignal {
  if (hearsSignals) return interrupt.signal;
  hearsSignals = true;
  const stop = () => {
    if (interrupt.signal.aborted) process.exit(1);
    interrupt.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return interrupt.signal;
}

// What this process makes is its user's alone: databases and secrets hold what nobody else may read.
process.umask(0o077);
let isServing = false;
// A pager that was closed early (`latchkey … | head`) is no failure, and no reason to stop serving.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') {
    if (!isServing) process.exit(0);
    return;
  }
  process.stderr.write(`latchkey: stdout cannot be written (${error.code}); what it holds is not whole\n`, () =>
    process.exit(1),
  );
});
// Whoever read the log has gone: then it goes nowhere, and the server goes on.
process.stderr.on('error', () => {});

const host: Host = {
  argv: process.argv.slice(2),
  environment: process.env,
  workingDir: process.cwd(),
  // Looked at by those alone who read it.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  randomBytes,
  version: version(),
  program,
  interruption,
};
const exitCode = await runCommandLine(host, COMMANDS);
// Only now is everything that was said handed over. What could not be is told, and ended, by the listener above.
process.stdout.write('', (error) => {
  if (!error || isServing) process.exit(exitCode);
});
