import type { Logger } from 'pino';
import type { Config } from '../config/index.ts';
import { createEnvelope, type Envelope } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { EXIT } from './exit-codes.ts';
import type { Host } from './host.ts';
import { problemsText } from './problems.ts';
import { CommandFailure } from './refusal.ts';

/** The database of the settings, opened by this command itself. */
export interface Installation {
  config: Config;
  log: Logger;
  database: Database;
  /** Null where no encryption keys are set or made yet. */
  envelope: Envelope | null;
  /** Names of the migrations that the database has not had. */
  pending: readonly string[];
  close(): Promise<void>;
}

export interface OpenInstallationOptions {
  /** Refuse a database that is empty or older than this program; the default. */
  migrated?: boolean;
}

const NOT_MIGRATED = {
  setting: 'LATCHKEY_DATABASE_URL',
  problem: 'means a database that is empty, or that an older version made',
  cure: 'run `latchkey migrate`, or correct the setting',
};

/** Reads settings, opens their database; on SQLite also while a server runs. */
export async function openInstallation(
  { program, clock, randomBytes }: Host,
  { migrated = true }: OpenInstallationOptions = {},
): Promise<Installation> {
  const { config } = program.readSettings({ makesSecrets: false });
  const log = await program.createLog(config);
  const envelope = config.encryptionKeys.length > 0 ? createEnvelope(config.encryptionKeys, randomBytes) : null;
  const database = await program.openDatabase(config, log);
  try {
    const plan = await database.migrate(await program.migrations(), { dryRun: true, nowMs: clock.nowMs() });
    const pending = plan.pending.map(({ name }) => name);
    if (migrated && pending.length > 0) throw new CommandFailure(problemsText([NOT_MIGRATED]).trimEnd(), EXIT.usage);
    return { config, log, database, envelope, pending, close: () => database.close() };
  } catch (error) {
    await database.close();
    throw error;
  }
}
