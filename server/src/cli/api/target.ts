import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { LocalInstallation } from '../../config/index.ts';
import { EXIT } from '../exit-codes.ts';
import type { Host } from '../host.ts';
import { CommandFailure, UsageError } from '../refusal.ts';
import { didYouMean } from '../suggest.ts';
import { type ContextEntry, checkPrivate, readContexts } from './contexts.ts';

/** Where a command speaks to, and as whom. */
export interface Target {
  /** Without a final slash. */
  server: string;
  key: string;
}

/** The options that say where to. */
export interface TargetOptions {
  server?: string;
  context?: string;
  'key-file'?: string;
  'allow-http'?: boolean;
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The address without a final slash. Throws `UsageError` for what a key must not be sent to. */
export function checkServer(text: string, { allowHttp, path }: { allowHttp: boolean; path: string }): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new UsageError(
      'the server is an address such as http://localhost:4000: http or https, without credentials, query or fragment',
      path,
    );
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowHttp) {
    throw new UsageError(
      `${url.origin} is plain http on another machine: everybody on the way could read the key. ` +
        'Use https, or add --allow-http for a network that you trust',
      path,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** A credential as it can stand in a header. */
export function checkKeyText(text: string, from: string): string {
  const key = text.trim();
  if (!/^[\x21-\x7e]{8,8192}$/.test(key)) throw new CommandFailure(`${from} holds no key`, EXIT.usage);
  return key;
}

/** The text of a file with a secret. Refuses one that others may read. */
export function readPrivateFile(path: string): string {
  try {
    checkPrivate(path);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandFailure(
      `${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`,
      EXIT.usage,
    );
  }
}

/** Refuses a file that others may read. */
export function readKeyFile(path: string): string {
  return checkKeyText(readPrivateFile(path), path);
}

function namedContext(host: Host, name: string, path: string): ContextEntry {
  const { contexts } = readContexts(host);
  if (Object.hasOwn(contexts, name)) return contexts[name] as ContextEntry;
  const names = Object.keys(contexts);
  throw new UsageError(
    `there is no context \`${name}\`.${didYouMean(name, names)} See \`latchkey context list\``,
    path,
  );
}

const keyOfContext = (entry: ContextEntry): string | null =>
  entry.key ?? (entry.key_file === undefined ? null : readKeyFile(entry.key_file));

function keyOfEnvironment({ environment }: Host, path: string): string | null {
  const { LATCHKEY_KEY: key, LATCHKEY_KEY_FILE: file } = environment;
  if (key && file) throw new UsageError('LATCHKEY_KEY and LATCHKEY_KEY_FILE are both set: unset one', path);
  if (key) return checkKeyText(key, 'LATCHKEY_KEY');
  return file ? readKeyFile(file) : null;
}

/** The context that stands behind what options and environment leave open. */
function standingContext(host: Host, options: TargetOptions, path: string): ContextEntry | null {
  const name = options.context ?? (host.environment.LATCHKEY_CONTEXT || readContexts(host).current);
  return name ? namedContext(host, name, path) : null;
}

const sameServer = (a: string, b: string) => new URL(a).href === new URL(b).href;

/** Where the development server of this folder listens. The folder may be anybody's: it sends no key to another machine. */
function localServer({ servingUrl, configuredUrl }: LocalInstallation): string {
  if (servingUrl === null || !URL.canParse(servingUrl)) return configuredUrl;
  return isLoopback(new URL(servingUrl).hostname) ? servingUrl : configuredUrl;
}

/** The root key of a development server on this machine, for that server alone. */
function localKey(local: LocalInstallation | null, server: string): string | null {
  if (!local?.rootKeyFile) return null;
  return sameServer(localServer(local), server) ? readKeyFile(local.rootKeyFile) : null;
}

const NO_KEY =
  'has no key to use here: set LATCHKEY_KEY_FILE (or LATCHKEY_KEY), give --key-file, or add a context. ' +
  'Keys of a context or of a data dir go to their own server only';

/**
 * Options first, then the environment, then the context, then the development server of this folder. `--context` goes
 * before the environment. A saved key is never sent to another server than the one that it was saved for.
 */
export function resolveTarget(host: Host, options: TargetOptions, path: string): Target {
  if (options.server && options.context) throw new UsageError('--server and --context: give one of them', path);
  const { environment, program } = host;
  const isNamed = options.context !== undefined;
  const asked = options.server ?? (isNamed ? undefined : environment.LATCHKEY_URL || undefined);
  const given = options['key-file'] ? readKeyFile(options['key-file']) : isNamed ? null : keyOfEnvironment(host, path);
  const context = asked !== undefined && given !== null ? null : standingContext(host, options, path);
  const local = context ? null : program.localInstallation();
  const from = asked ?? context?.server ?? (local ? localServer(local) : undefined);
  if (from === undefined) {
    throw new UsageError('no server is named: give --server, set LATCHKEY_URL, or add a context', path);
  }
  const fits = context !== null && URL.canParse(from) && sameServer(context.server, from);
  const allowHttp = options['allow-http'] === true || (fits && context.allow_http === true);
  const server = checkServer(from, { allowHttp, path });
  const key = given ?? (context ? (fits ? keyOfContext(context) : null) : localKey(local, server));
  if (key === null) throw new CommandFailure(`${server} ${NO_KEY}`, EXIT.denied);
  return { server, key };
}
