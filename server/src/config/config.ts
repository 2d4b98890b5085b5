import type { EncryptionKey } from '../crypto/index.ts';

/** The resolved settings of one process. Secrets are here in the clear: never log this. */
export interface Config {
  mode: 'development' | 'production';
  host: string;
  /** 0 asks the system for a free port. */
  port: number;
  dataDir: string;
  /** Null: `http(s)://localhost:` and the bound port. */
  issuer: string | null;
  database: { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string };
  /** Null: counters are kept in the database or in memory. */
  redisUrl: string | null;
  /** What a lost counter store means for a call. */
  limitsOnOutage: 'open' | 'closed' | 'local';
  rootKeys: string[];
  encryptionKeys: EncryptionKey[];
  /** Fastify's `trustProxy`: a hop count, a list of CIDRs, or nobody. */
  trustProxy: number | string[] | false;
  tls: { cert: string; key: string } | null;
  /** CIDRs that requests of the server's own may reach though they are not public, and without TLS. */
  outboundAllow: string[];
  errorDetail: 'full' | 'general';
  logLevel: LogLevel;
  sandbox: boolean;
  /** Who may make an account by themselves. */
  signUp: 'open' | 'invitation' | 'closed';
  /** Whether apps of one's own may log people in by password, through the API. */
  passwordLogin: boolean;
  /** Which OAuth clients may register themselves; `off`: none, not by documents of their own either. */
  clientRegistration: 'open' | 'token' | 'off';
  /** Null: mails are kept in memory in development, and wait in the outbox in production. */
  smtpUrl: string | null;
  /** What mails come from. */
  mailFrom: string;
  /** How the pages look: the operator's name, color (`#rrggbb`) and logo; null: Latchkey's own. */
  brand: {
    name: string;
    color: string | null;
    logo: { file: string; bytes: Uint8Array } | { url: string } | null;
  };
  /** How long cached credentials may answer after the database was last heard. */
  maxStaleMs: number;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A setting that cannot be used: its name, what is wrong, and what to do about it. The value is never part of it. */
export interface ConfigProblem {
  setting: string;
  problem: string;
  cure: string;
}

/** Every broken setting at once. */
export class ConfigError extends Error {
  readonly problems: ConfigProblem[];
  constructor(problems: ConfigProblem[]) {
    super(`${problems.length} setting(s) cannot be used: ${problems.map(({ setting }) => setting).join(', ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
