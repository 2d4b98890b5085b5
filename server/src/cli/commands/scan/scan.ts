import { existsSync, readFileSync } from 'node:fs';
import type { SecretKind } from '@latchkey/protocol';
import {
  type Allowlist,
  AllowlistError,
  type CheckedStatus,
  checkSecrets,
  type Finding,
  GitError,
  parseAllowlist,
  type ScanReport,
  scanGit,
  scanStream,
  scanTree,
} from '../../../scan/index.ts';
import { command, serverOptions } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { CommandFailure, Interrupted, UsageError } from '../../refusal.ts';
import { findingJson, findingText, summaryText, unreadableText } from './render.ts';

const OPTIONS = {
  git: { type: 'flag', description: 'Scan the history of the git repository at PATH: all that its refs reach' },
  exclude: { type: 'list', value: 'GLOB', description: 'Leave out names (*.map) or paths (src/generated/**)' },
  'ignore-file': {
    type: 'text',
    value: 'FILE',
    description: 'Say nothing of secrets whose SHA-256 stands in this file',
  },
  check: { type: 'flag', description: 'Ask the server which keys still work; its key needs api_keys:verify' },
  ...serverOptions,
} as const;

const POSITIONALS = {
  paths: { value: 'PATH', description: 'Files and folders; - for stdin', optional: true, repeated: true },
} as const;

type ScanContext = Context<typeof OPTIONS, typeof POSITIONALS>;

/** A place, and the secret for as long as it may have to be asked about. */
interface Found {
  finding: Finding;
  secret: string;
}

function readAllowlist(path: string | undefined): Allowlist {
  if (path === undefined) return new Set();
  try {
    return parseAllowlist(readFileSync(path, 'utf8'));
  } catch (error) {
    const why =
      error instanceof AllowlistError ? error.message : `cannot be read (${(error as { code?: string }).code})`;
    throw new CommandFailure(`--ignore-file ${path}: ${why}`, EXIT.usage);
  }
}

/** What is to be scanned; refused before anything is. */
function refuseOddPlaces({ options, positionals }: ScanContext): void {
  const { paths } = positionals;
  const say = (message: string) => new UsageError(message, 'scan');
  if (paths.length === 0 && !options.git) throw say('name what to scan: a path, - for stdin, or --git');
  if (options.git && paths.length > 1) throw say('--git takes one repository');
  if (options.git && paths[0] === '-') throw say('--git scans a repository, not stdin');
  if (options.git && options.exclude.length > 0) throw say('--exclude is for files; history is scanned whole');
  if (paths.includes('-') && paths.length > 1) throw say('- stands alone');
  const missing = paths.find((path) => path !== '-' && !existsSync(path));
  if (missing !== undefined) throw say(`${missing} is not there, or may not be looked at`);
}

async function scan(context: ScanContext, onFound: (found: Found) => void): Promise<ScanReport> {
  const { options, positionals, host, err } = context;
  const signal = host.interruption();
  const bar = context.progress('Bytes scanned', null);
  const shared = {
    onFound: (finding: Finding, secret: string) => onFound({ finding, secret }),
    onBytes: (count: number) => bar.add(count),
    signal,
  };
  try {
    if (options.git) return await scanGit(positionals.paths[0] ?? '.', { ...shared, environment: host.environment });
    if (positionals.paths[0] === '-') return await scanStream(host.stdin, shared.onFound, shared.onBytes);
    const onUnreadable = (path: string, code: string) => err(unreadableText(path, code));
    return await scanTree(positionals.paths, { ...shared, excludes: options.exclude, onUnreadable });
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    if (error instanceof GitError) throw new CommandFailure(`--git: ${error.message}`, EXIT.usage);
    throw error;
  } finally {
    bar.end();
  }
}

/** Each secret once: what the server says of it, without spending. */
async function check(context: ScanContext, found: readonly Found[]): Promise<Map<string, CheckedStatus>> {
  const secrets = new Map<string, SecretKind>(found.map(({ finding, secret }) => [secret, finding.kind]));
  const api = await context.openApi();
  const bar = context.progress('Secrets checked', secrets.size);
  try {
    return await checkSecrets(secrets, async (key) => {
      const body = { key, cost: 0 };
      const { json } = await api.call('/v1/api-keys/verify', { method: 'POST', body, idempotencyKey: null });
      bar.add(1);
      return String((json as { code?: unknown }).code);
    });
  } finally {
    bar.end();
  }
}

async function run(context: ScanContext): Promise<number> {
  const { options, err, out, style } = context;
  refuseOddPlaces(context);
  const allowed = readAllowlist(options['ignore-file']);
  // Before a long scan: a key that is not there shows at once.
  if (options.check) await context.openApi();
  const say = ({ finding }: Found, status: CheckedStatus | null) =>
    out(options.json ? `${findingJson(finding, status)}\n` : `${findingText(finding, status, style)}\n`);
  const found: Found[] = [];
  const counted = { places: 0, ignored: 0, secrets: new Set<string>() };
  const report = await scan(context, (one) => {
    if (allowed.has(one.finding.sha256)) {
      counted.ignored += 1;
      return;
    }
    counted.places += 1;
    counted.secrets.add(one.finding.sha256);
    if (options.check) found.push(one);
    else say(one, null);
  });
  if (found.length > 0) {
    const statuses = await check(context, found);
    for (const one of found) say(one, statuses.get(one.secret) ?? null);
  }
  err(summaryText({ ...counted, secrets: counted.secrets.size, report, isGit: options.git }));
  return counted.places > 0 ? EXIT.failed : EXIT.done;
}

export const scanCommand = command({
  path: 'scan',
  summary: 'Find Latchkey secrets in files, git history, or stdin',
  text: [
    'Finds keys, root keys, client secrets and tokens by prefix and checksum, in text and in any other file, in UTF-16 ' +
      'too. A secret is never shown: only its prefix and last four characters. Exit code 0: nothing found; 1: found.',
    'Folders are scanned whole: hidden files too, and what .gitignore names; but no links, and not .git/objects, which ' +
      '--git reads. Archives and compressed files are not opened.',
    'With --json each place is one line of JSON, with the SHA-256 that an --ignore-file names it by: one digest on a ' +
      'line, # for comments.',
    'With --check the server is asked about API keys, at no cost to them. Other secrets cannot be checked.',
  ],
  examples: [
    { line: 'latchkey scan .', what: 'This folder' },
    { line: 'latchkey scan --git', what: 'All history of this repository' },
    { line: 'latchkey scan - < server.log', what: 'A log' },
    { line: "latchkey scan . --exclude node_modules --exclude '*.map'", what: 'Leaving out' },
    { line: 'latchkey scan . --check', what: 'Which of them still work' },
  ],
  options: OPTIONS,
  positionals: POSITIONALS,
  run,
});
