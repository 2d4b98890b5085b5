import type { Readable, Writable } from 'node:stream';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type {
  Config,
  Environment,
  LocalInstallation,
  ReadConfigResult,
  Setting,
  SettingsReport,
} from '../config/index.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Database, Migration } from '../database/index.ts';
import type { SealedColumn } from '../sealed-values/index.ts';
import type { Ready } from './ready.ts';

/** A stream that may be a terminal. */
export type Input = Readable & { isTTY?: boolean };
export type Output = Writable & { isTTY?: boolean; columns?: number };

/** A server that listens, as far as a command needs to know. */
export interface Served {
  url: string;
  issuer: string;
  firstStart: Ready['first'];
  stop(): Promise<void>;
}

/** What the whole program can do; `main.ts` hands it over, because the command line may not know the composition. */
export interface Program {
  settings: readonly Setting[];
  /** Throws `ConfigError`. */
  readSettings(options: { makesSecrets: boolean }): ReadConfigResult;
  /** Settings with where each came from; reads what `readSettings` reads, and makes nothing. */
  inspectSettings(): SettingsReport;
  /** Rejects when Redis does not answer. */
  redisFacts(url: string): Promise<{ clockMs: number; version: string | null }>;
  /** Null in production, where nothing is assumed. */
  localInstallation(): LocalInstallation | null;
  createLog(config: Config): Promise<Logger>;
  serve(config: Config, log: Logger): Promise<Served>;
  openDatabase(config: Config, log: Logger): Promise<Database>;
  migrations(): Promise<readonly Migration[]>;
  sealedColumns(): Promise<readonly SealedColumn[]>;
  /** Puts a key in front of those that a development server made; false when there are none, or another call is at it. */
  addGeneratedEncryptionKey(dataDir: string, entry: string): Promise<boolean>;
}

/** Everything that a command has from outside. */
export interface Host {
  argv: readonly string[];
  environment: Environment;
  workingDir: string;
  stdin: Input;
  stdout: Output;
  stderr: Output;
  clock: Clock;
  randomBytes: RandomBytes;
  version: string;
  program: Program;
  /** Aborted by Ctrl-C or SIGTERM. From the first call on, these end the command only through it. */
  interruption(): AbortSignal;
}
