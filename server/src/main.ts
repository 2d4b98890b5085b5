import { readFileSync } from 'node:fs';
import { mintSecret } from '@latchkey/protocol';
import { verifyAuditLog } from './audit/index.ts';
import { type Command, helpText, parseCommand, problemsText, readyJson, readyText, UsageError } from './cli/index.ts';
import { systemClock } from './clock.ts';
import { MIGRATIONS, openDatabase } from './compose.ts';
import {
  type Config,
  ConfigError,
  newEncryptionKey,
  type ReadConfigResult,
  readConfig,
  SETTINGS,
} from './config/index.ts';
import { createEnvelope, pooledRandom } from './crypto/index.ts';
import { Failure } from './failure.ts';
import { createLog } from './log.ts';
import { type RunningServer, serve } from './serve.ts';
import type { Surroundings } from './surroundings.ts';

const randomBytes = pooledRandom();
const out = (text: string) => process.stdout.write(text);
const err = (text: string) => process.stderr.write(text);

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function surroundingsOf(config: Config): Surroundings {
  const log = createLog(config.logLevel, { write: (line) => void err(line) });
  return { clock: systemClock, randomBytes, log, version: version() };
}

function readSettings(options: { makesSecrets: boolean }): ReadConfigResult {
  const result = readConfig(process.env, process.cwd(), randomBytes, options);
  for (const name of result.unknownSettings) err(`latchkey: ${name} is no setting of this version; it has no effect\n`);
  return result;
}

/** Ctrl-C or SIGTERM ends the server cleanly; a second one at once. */
function stopOnSignals(server: RunningServer, log: Surroundings['log']): void {
  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(1);
    stopping = true;
    try {
      await server.stop();
      process.exit(0);
    } catch (error) {
      log.fatal({ err: error }, 'could not stop cleanly');
      process.exit(1);
    }
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function runServe({ json }: { json: boolean }): Promise<void> {
  const { config, newRootKey } = readSettings({ makesSecrets: true });
  const surroundings = surroundingsOf(config);
  const { log } = surroundings;
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'a promise was rejected and nobody heard');
    process.exit(1);
  });
  const server = await serve(config, surroundings);
  stopOnSignals(server, log);
  const ready = {
    url: server.url,
    issuer: server.issuer,
    dataDir: config.dataDir,
    isSecure: config.tls !== null,
    rootKey: newRootKey,
    first: server.firstStart,
    sandbox: config.sandbox,
  };
  out(json ? `${readyJson(ready)}\n` : readyText(ready));
}

async function runMigrate({ dryRun, json }: { dryRun: boolean; json: boolean }): Promise<void> {
  const { config } = readSettings({ makesSecrets: false });
  const { log, clock } = surroundingsOf(config);
  const database = openDatabase(config, log);
  try {
    const plan = await database.migrate(MIGRATIONS, { dryRun, nowMs: clock.nowMs() });
    if (json) return void out(`${JSON.stringify(plan)}\n`);
    for (const { name, statements } of plan.pending) {
      out(`${dryRun ? 'would apply' : 'applied'} ${name}\n`);
      if (dryRun) for (const statement of statements) out(`  ${statement};\n`);
    }
    if (plan.pending.length === 0) out('The database is up to date.\n');
  } finally {
    await database.close();
  }
}

const NOT_MIGRATED = {
  setting: 'LATCHKEY_DATABASE_URL',
  problem: 'means a database that is empty, or that an older version made',
  cure: 'run `latchkey migrate`, or correct the setting',
};

async function runAuditVerify({ json }: { json: boolean }): Promise<void> {
  const { config } = readSettings({ makesSecrets: false });
  const envelope = config.encryptionKeys.length > 0 ? createEnvelope(config.encryptionKeys, randomBytes) : null;
  const database = openDatabase(config, surroundingsOf(config).log);
  try {
    const { pending } = await database.migrate(MIGRATIONS, { dryRun: true, nowMs: systemClock.nowMs() });
    if (pending.length > 0) throw new ConfigError([NOT_MIGRATED]);
    const report = await verifyAuditLog(database, envelope);
    if (report.problems.length > 0) process.exitCode = 1;
    if (json) return void out(`${JSON.stringify(report)}\n`);
    for (const problem of report.problems) out(`${problem}\n`);
    const verdict = report.problems.length === 0 ? 'whole' : 'NOT whole';
    out(
      `The audit log is ${verdict}: ${report.events} events in ${report.batches} batches, head ${report.head ?? 'none'}\n`,
    );
  } finally {
    await database.close();
  }
}

function runSecretsGenerate(): void {
  const id = new Date(systemClock.nowMs()).toISOString().slice(0, 10);
  out(`LATCHKEY_ROOT_KEY=${mintSecret('root', randomBytes)}\n`);
  out(`LATCHKEY_ENCRYPTION_KEYS=${newEncryptionKey(id, randomBytes)}\n`);
}

async function run(command: Command): Promise<void> {
  switch (command.name) {
    case 'serve':
      return runServe(command);
    case 'migrate':
      return runMigrate(command);
    case 'audit verify':
      return runAuditVerify(command);
    case 'secrets generate':
      return runSecretsGenerate();
    case 'help':
      return void out(helpText(SETTINGS));
    case 'version':
      return void out(`${version()}\n`);
  }
}

/** Exit codes: 0 done, 1 failed, 2 the command line or a setting is wrong. */
function explain(error: unknown): number {
  if (error instanceof UsageError) {
    err(`latchkey: ${error.message}\nTry \`latchkey help\`.\n`);
    return 2;
  }
  if (error instanceof ConfigError) {
    err(problemsText(error.problems));
    return 2;
  }
  if (error instanceof Failure && error.code === 'unavailable') {
    const cause = error.details.cause instanceof Error ? ` (${error.details.cause.message})` : '';
    const problem = `cannot be used${cause}`;
    err(
      problemsText([{ setting: 'LATCHKEY_DATABASE_URL', problem, cure: 'start the database, or correct the setting' }]),
    );
    return 2;
  }
  err(`latchkey: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

// What this process makes is its user's alone: databases and secrets hold what nobody else may read.
process.umask(0o077);
let isServing = false;
// A pager that was closed early (`latchkey … | head`) is no failure, and no reason to stop serving.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(1);
  if (!isServing) process.exit(0);
});
// Whoever read the log has gone: then it goes nowhere, and the server goes on.
process.stderr.on('error', () => {});

try {
  const command = parseCommand(process.argv.slice(2));
  isServing = command.name === 'serve';
  await run(command);
} catch (error) {
  process.exit(explain(error));
}
