import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { parseDurationMs } from '@latchkey/protocol';
import type { RandomBytes } from '../crypto/index.ts';
import { parseBrandName, parseColor, readLogo } from './brand.ts';
import { type Config, ConfigError, type ConfigProblem, LOG_LEVELS } from './config.ts';
import {
  ENCRYPTION_KEYS_FILE,
  generatedEncryptionKeys,
  generatedRootKey,
  keptSecret,
  ROOT_KEY_FILE,
} from './generated-secrets.ts';
import {
  parseEncryptionKeys,
  parseIssuer,
  parseMailFrom,
  parseOutboundAllow,
  parseRedisUrl,
  parseRootKeys,
  parseSmtpUrl,
  parseTrustProxy,
} from './parsers.ts';
import { type Environment, resolveSecret } from './secret-references.ts';
import { SETTINGS } from './settings.ts';

export interface ReadConfigResult {
  config: Config;
  /** The root key, on the start that made it. */
  newRootKey: string | null;
  /** Names that look like ours but are not settings: most often a misspelling. */
  unknownSettings: string[];
}

export interface ReadConfigOptions {
  /** Whether secrets that development lacks are made; otherwise those are used that an earlier start made. */
  makesSecrets?: boolean;
  /** Whether the data dir is made where it is not there. */
  makesFolder?: boolean;
}

/** Collects problems instead of stopping at the first. */
class Reader {
  readonly problems: ConfigProblem[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  text(name: string): string | undefined {
    return this.#environment[name]?.trim() || undefined;
  }

  refuse(setting: string, problem: string, cure: string): void {
    this.problems.push({ setting, problem, cure });
  }

  /** The parsed value; the fallback when unset, and also after a problem was noted. */
  parse<T>(name: string, cure: string, fallback: T, parse: (text: string) => T): T {
    const text = this.text(name);
    if (text === undefined) return fallback;
    try {
      return parse(this.#isSecret(name) ? resolveSecret(text, this.#environment) : text);
    } catch (error) {
      this.refuse(name, (error as Error).message, cure);
      return fallback;
    }
  }

  /** Uses a generated file; one that is there and spoilt is refused, never replaced. */
  file(setting: string, dataDir: string, name: string, use: () => void): void {
    try {
      use();
    } catch (error) {
      const what = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      const cure = `restore that file, or set ${setting}`;
      this.refuse(setting, `comes from ${join(dataDir, name)}, which cannot be used (${what})`, cure);
    }
  }

  oneOf<const T extends string>(name: string, values: readonly T[], fallback: T): T {
    return this.parse(name, `set it to ${values.join(' or ')}`, fallback, (text) => {
      const found = values.find((value) => value === text.toLowerCase());
      if (!found) throw new Error('is not one of its values');
      return found;
    });
  }

  #isSecret(name: string): boolean {
    return SETTINGS.some((setting) => setting.name === name && setting.secret);
  }
}

/** What a development server may reach by itself beside the public internet: other programs on this machine. */
const LOOPBACK = ['127.0.0.0/8', '::1/128'];

const LOOPBACK_HOST = /^(?:127\.\d+\.\d+\.\d+|::1|\[::1\]|localhost)$/;

function readMode(reader: Reader, host: string): Config['mode'] {
  if (reader.text('LATCHKEY_MODE') === undefined && !LOOPBACK_HOST.test(host)) {
    reader.refuse(
      'LATCHKEY_MODE',
      'is not set, and HOST is an address that other machines can reach',
      'set LATCHKEY_MODE=production, or LATCHKEY_MODE=development for a server that may be thrown away',
    );
  }
  return reader.oneOf('LATCHKEY_MODE', ['development', 'production'], 'development');
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new Error('is not a port number');
  return port;
}

/** Like `mkdir -p`. Not `mkdirSync` with `recursive`, which never returns where a folder cannot be made, as in /proc. */
function makeFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (!found && dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // A twin that starts at the same moment may have been first.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** The folder itself, or the nearest one above that is there. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

function readDataDir(reader: Reader, workingDir: string, makesFolder: boolean): string {
  const dataDir = resolve(workingDir, reader.text('LATCHKEY_DATA_DIR') ?? '.latchkey');
  try {
    if (makesFolder) makeFolder(dataDir);
    const there = nearestFolder(dataDir);
    if (!statSync(there).isDirectory()) throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' });
    accessSync(there, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unwritable';
    reader.refuse(
      'LATCHKEY_DATA_DIR',
      `is ${dataDir}, where this process cannot write (${code})`,
      'make the folder writable for the user that runs Latchkey, or name another folder',
    );
  }
  return dataDir;
}

function readDatabase(reader: Reader, dataDir: string): Config['database'] {
  const cure = 'set it to postgres://user@host:5432/name, or leave it unset for a SQLite file in the data dir';
  const file: Config['database'] = { kind: 'sqlite', path: join(dataDir, 'latchkey.sqlite') };
  return reader.parse<Config['database']>('LATCHKEY_DATABASE_URL', cure, file, (text) => {
    if (text.startsWith('sqlite:')) {
      const path = text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
      return { kind: 'sqlite', path: isAbsolute(path) ? path : resolve(dataDir, path) };
    }
    if (!/^postgres(?:ql)?:\/\//.test(text) || !isDecodable(text)) throw new Error('is not a database URL');
    return { kind: 'postgres', url: text };
  });
}

function isDecodable(url: string): boolean {
  try {
    const { username, password, pathname } = new URL(url);
    return [username, password, pathname].map(decodeURIComponent).length > 0;
  } catch {
    return false;
  }
}

function readTls(reader: Reader): Config['tls'] {
  const pem = (name: string) =>
    reader.parse<string | null>(name, 'name a PEM file that this process can read', null, (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        throw new Error(`is ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code})`);
      }
    });
  const given = ['LATCHKEY_TLS_CERT', 'LATCHKEY_TLS_KEY'].filter((name) => reader.text(name));
  if (given.length === 1) reader.refuse(String(given[0]), 'is set without its twin', 'set both, or neither');
  const cert = pem('LATCHKEY_TLS_CERT');
  const key = pem('LATCHKEY_TLS_KEY');
  if (!cert || !key) return null;
  try {
    createSecureContext({ cert, key });
  } catch {
    const cure = 'name the certificate chain and the private key that belongs to it, both as PEM';
    reader.refuse('LATCHKEY_TLS_CERT', 'and LATCHKEY_TLS_KEY are no certificate and its key', cure);
  }
  return { cert, key };
}

function readMaxStale(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === null || ms > 3_600_000) throw new Error('is not a duration of 1 second to 1 hour');
  return ms;
}

/** How people get accounts, and mails. */
function readPeople(
  reader: Reader,
  mode: Config['mode'],
  issuer: string | null,
): Pick<Config, 'signUp' | 'clientRegistration' | 'passwordLogin' | 'smtpUrl' | 'mailFrom'> {
  const smtpCure = 'set it to smtp://user:password@host:587, or leave it unset';
  const fromCure = 'set it to an address, such as Latchkey <no-reply@example.com>';
  const host = issuer === null ? 'localhost' : new URL(issuer).hostname;
  const byDefault = mode === 'development' ? 'open' : 'invitation';
  const clientsByDefault = mode === 'development' ? 'open' : 'token';
  return {
    signUp: reader.oneOf('LATCHKEY_SIGN_UP', ['open', 'invitation', 'closed'], byDefault),
    clientRegistration: reader.oneOf('LATCHKEY_CLIENT_REGISTRATION', ['open', 'token', 'off'], clientsByDefault),
    passwordLogin:
      reader.oneOf('LATCHKEY_PASSWORD_LOGIN', ['on', 'off'], mode === 'development' ? 'on' : 'off') === 'on',
    smtpUrl: reader.parse<string | null>('LATCHKEY_SMTP_URL', smtpCure, null, parseSmtpUrl),
    mailFrom: reader.parse('LATCHKEY_MAIL_FROM', fromCure, `Latchkey <no-reply@${host}>`, parseMailFrom),
  };
}

/** How the pages look. */
function readBrand(reader: Reader, workingDir: string): Config['brand'] {
  const nameCure = 'set it to a name of at most 60 characters';
  const logoCure = 'name an SVG, PNG, JPEG or WebP file of at most 256 KiB that this process can read, or an https URL';
  return {
    name: reader.parse('LATCHKEY_BRAND_NAME', nameCure, 'Latchkey', parseBrandName),
    color: reader.parse<string | null>('LATCHKEY_BRAND_COLOR', 'set it to #rrggbb, such as #12664f', null, parseColor),
    logo: reader.parse<Config['brand']['logo']>('LATCHKEY_BRAND_LOGO', logoCure, null, (text) =>
      readLogo(text, workingDir),
    ),
  };
}

type Secrets = Pick<Config, 'rootKeys' | 'encryptionKeys'> & { newRootKey: string | null };

function readSecrets(
  reader: Reader,
  config: Pick<Config, 'mode' | 'dataDir'>,
  randomBytes: RandomBytes | null,
): Secrets {
  const rootKeys = reader.parse('LATCHKEY_ROOT_KEY', SECRETS_CURE, [], parseRootKeys);
  const encryptionKeys = reader.parse('LATCHKEY_ENCRYPTION_KEYS', SECRETS_CURE, [], parseEncryptionKeys);
  if (config.mode === 'production') {
    for (const name of ['LATCHKEY_ROOT_KEY', 'LATCHKEY_ENCRYPTION_KEYS']) {
      if (!reader.text(name))
        reader.refuse(name, 'is not set, and production makes no secrets of its own', SECRETS_CURE);
    }
    return { rootKeys, encryptionKeys, newRootKey: null };
  }
  if (reader.problems.length > 0) return { rootKeys, encryptionKeys, newRootKey: null };
  const secrets: Secrets = { rootKeys, encryptionKeys, newRootKey: null };
  const { dataDir } = config;
  if (rootKeys.length === 0) {
    reader.file('LATCHKEY_ROOT_KEY', dataDir, ROOT_KEY_FILE, () => {
      const made = randomBytes && generatedRootKey(dataDir, randomBytes);
      const text = made?.text ?? keptSecret(dataDir, ROOT_KEY_FILE);
      if (text !== null) secrets.rootKeys = parseRootKeys(text);
      secrets.newRootKey = made?.isNew ? made.text : null;
    });
  }
  if (encryptionKeys.length === 0) {
    reader.file('LATCHKEY_ENCRYPTION_KEYS', dataDir, ENCRYPTION_KEYS_FILE, () => {
      const made = randomBytes && generatedEncryptionKeys(dataDir, randomBytes);
      const text = made?.text ?? keptSecret(dataDir, ENCRYPTION_KEYS_FILE);
      if (text !== null) secrets.encryptionKeys = parseEncryptionKeys(text);
    });
  }
  return secrets;
}

const SECRETS_CURE = 'run `latchkey secrets generate` and set what it prints';

function refuseInProduction(
  reader: Reader,
  config: Pick<Config, 'mode' | 'issuer' | 'trustProxy' | 'outboundAllow'>,
): void {
  if (config.mode !== 'production') return;
  if (!config.issuer?.startsWith('https://')) {
    reader.refuse(
      'LATCHKEY_ISSUER',
      config.issuer === null ? 'is not set' : 'is not an https URL',
      'set it to the public address of this server, such as https://auth.example.com',
    );
  }
  const trusted = Array.isArray(config.trustProxy) ? config.trustProxy : [];
  if (trusted.some((cidr) => cidr.endsWith('/0'))) {
    reader.refuse(
      'LATCHKEY_TRUST_PROXY',
      'trusts every address, so anyone could choose the address that limits and allow lists see',
      'list the addresses of your proxies, or the number of proxies in front',
    );
  }
  if (config.outboundAllow.some((cidr) => cidr.endsWith('/0'))) {
    reader.refuse(
      'LATCHKEY_OUTBOUND_ALLOW',
      'exempts every address, so whoever registers a URL could reach your network through this server',
      'list the networks that hold what Latchkey is to reach',
    );
  }
}

/**
 * Reads every setting from the environment; throws one `ConfigError` that holds all problems. In development it may make
 * secrets in the data dir, for a server that will show them; other commands use what is there.
 */
export function readConfig(
  environment: Environment,
  workingDir: string,
  randomBytes: RandomBytes,
  { makesSecrets = true, makesFolder = true }: ReadConfigOptions = {},
): ReadConfigResult {
  const reader = new Reader(environment);
  const host = reader.text('HOST') ?? '127.0.0.1';
  const mode = readMode(reader, host);
  const dataDir = readDataDir(reader, workingDir, makesFolder);
  const issuerCure = 'set it to an absolute URL without query, fragment or final slash';
  const issuer = reader.parse<string | null>('LATCHKEY_ISSUER', issuerCure, null, parseIssuer);
  const base = {
    mode,
    host,
    port: reader.parse('PORT', 'set it to a number from 0 to 65535', 4000, readPort),
    dataDir,
    issuer,
    database: readDatabase(reader, dataDir),
    redisUrl: reader.parse<string | null>(
      'LATCHKEY_REDIS_URL',
      'set it to redis://host:6379, or leave it unset',
      null,
      parseRedisUrl,
    ),
    limitsOnOutage: reader.oneOf('LATCHKEY_LIMITS_ON_OUTAGE', ['open', 'closed', 'local'], 'local'),
    trustProxy: reader.parse<Config['trustProxy']>(
      'LATCHKEY_TRUST_PROXY',
      'set the number of proxies in front, or a comma list of their CIDRs',
      false,
      parseTrustProxy,
    ),
    outboundAllow: reader.parse(
      'LATCHKEY_OUTBOUND_ALLOW',
      'set it to a comma list of CIDRs such as 10.1.0.0/16, or to none',
      mode === 'development' ? LOOPBACK : [],
      parseOutboundAllow,
    ),
    tls: readTls(reader),
    errorDetail: reader.oneOf('LATCHKEY_ERROR_DETAIL', ['full', 'general'], 'full'),
    logLevel: reader.oneOf('LATCHKEY_LOG_LEVEL', LOG_LEVELS, 'info'),
    sandbox: reader.oneOf('LATCHKEY_SANDBOX', ['on', 'off'], mode === 'development' ? 'on' : 'off') === 'on',
    ...readPeople(reader, mode, issuer),
    brand: readBrand(reader, workingDir),
    maxStaleMs: reader.parse('LATCHKEY_MAX_STALE', 'set it to a duration such as 5s', 5000, readMaxStale),
  } satisfies Omit<Config, 'rootKeys' | 'encryptionKeys'>;
  refuseInProduction(reader, base);
  const { newRootKey, ...secrets } = readSecrets(reader, base, makesSecrets ? randomBytes : null);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return { config: { ...base, ...secrets }, newRootKey, unknownSettings: unknownSettings(environment) };
}

/** Read by the command line, not by the server. */
const OTHERS = new Set([
  'LATCHKEY_URL',
  'LATCHKEY_KEY',
  'LATCHKEY_KEY_FILE',
  'LATCHKEY_CONTEXT',
  'LATCHKEY_TEST_POSTGRES_URL',
  'LATCHKEY_TEST_REDIS_URL',
]);

export function unknownSettings(environment: Environment): string[] {
  const known = new Set(SETTINGS.map(({ name }) => name));
  return Object.keys(environment).filter(
    (name) => name.startsWith('LATCHKEY_') && !known.has(name) && !OTHERS.has(name),
  );
}
