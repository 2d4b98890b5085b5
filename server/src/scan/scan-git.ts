import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { devNull } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { linesOf } from '../lines.ts';
import { type OnFound, type Place, type ScanReport, toFinding } from './finding.ts';
import { readGitObjects } from './git-objects.ts';
import { SecretScanner } from './secret-scanner.ts';

/** git is missing, or cannot read the repository; the message is its own. */
export class GitError extends Error {}

export interface ScanGitOptions {
  /** What git finds its way by; none of our own settings goes there. */
  environment: Readonly<Record<string, string | undefined>>;
  onFound: OnFound;
  onBytes?(count: number): void;
  signal?: AbortSignal;
}

type Git = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * A repository from elsewhere may name a program that fetches what it lacks, and objects that stand in place of others:
 * nothing is fetched, and everything is read as it is. Before git 2.45 only the list of protocols keeps it from fetching.
 */
function gitEnvironment(environment: ScanGitOptions['environment']): ScanGitOptions['environment'] {
  const theirs = Object.entries(environment).filter(([name]) => !name.startsWith('LATCHKEY_'));
  return {
    ...Object.fromEntries(theirs),
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: devNull,
  };
}

const PARTIAL = /missing \w+ object|lazy fetching|promisor/;

/** The words of a git that failed. */
function refusalOf(said: string, ending: string): GitError {
  const words = said.trim().split('\n')[0] || `git ended with ${ending}`;
  if (!PARTIAL.test(said)) return new GitError(words);
  return new GitError(
    `objects are missing here, and a scan fetches nothing: make a full clone and scan that (${words})`,
  );
}

/** A git that runs, and its end: rejects with `GitError` when it fails. */
function startGit(
  repository: string,
  args: readonly string[],
  { environment }: ScanGitOptions,
): { git: Git; ended: Promise<void> } {
  const env = gitEnvironment(environment) as NodeJS.ProcessEnv;
  const git = spawn('git', ['-C', repository, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  git.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, 2000);
  });
  const ended = new Promise<void>((resolve, reject) => {
    git.on('error', (error: NodeJS.ErrnoException) => {
      reject(new GitError(error.code === 'ENOENT' ? 'git is not installed, or not on PATH' : error.message));
    });
    git.on('close', (code, signal) => {
      if (code === 0) return resolve();
      reject(refusalOf(said, String(signal ?? code)));
    });
  });
  // Whoever waits hears of it; until then it is no accident.
  ended.catch(() => {});
  git.stdin.on('error', () => {});
  return { git, ended };
}

/** An object as the history names it: the oldest commit that has it, and its path there; null for a commit itself. */
interface Named {
  commit: string;
  path: string | null;
}

function placeOf({ commit, path }: Named, type: string): Omit<Place, 'line' | 'column'> {
  if (type === 'commit') return { in: 'message', path: null, commit };
  if (type === 'tree') return { in: 'name', path: `${path || '.'}/`, commit };
  return type === 'tag' ? { in: 'tag', path, commit: null } : { in: 'content', path, commit };
}

class GitScan {
  readonly report: ScanReport = { scanned: 0, bytes: 0, unreadable: 0 };
  readonly #options: ScanGitOptions;
  /** Asked of `cat-file`, which answers in this order. */
  readonly #asked: Named[] = [];
  #nextAsked = 0;
  /** Told already: secrets in names. */
  readonly #names = new Set<string>();
  #scanner: SecretScanner | null = null;

  constructor(options: ScanGitOptions) {
    this.#options = options;
  }

  /** Asks for each object that `rev-list` lists: commits stand alone on their line, all else has a path behind. */
  async ask(listing: Readable, questions: Writable): Promise<void> {
    let commit = '';
    for await (const line of linesOf(listing)) {
      const space = line.indexOf(' ');
      const id = space === -1 ? line : line.slice(0, space);
      if (space === -1) commit = id;
      this.#asked.push({ commit, path: space === -1 ? null : line.slice(space + 1) });
      if (!questions.write(`${id}\n`)) await once(questions, 'drain', { signal: this.#options.signal });
    }
    questions.end();
  }

  async read(answers: Readable): Promise<void> {
    const reader = readGitObjects({
      begin: (type) => {
        const named = this.#takeAsked();
        this.#scanner = null;
        if (type === 'missing') this.report.unreadable += 1;
        else this.#begin(named, type);
      },
      content: (piece, isLast) => {
        if (!this.#scanner) return;
        this.report.bytes += piece.length;
        this.#scanner.feed(piece, isLast);
      },
    });
    for await (const piece of answers) {
      reader.feed(piece as Buffer);
      this.#options.onBytes?.((piece as Buffer).length);
      this.#options.signal?.throwIfAborted();
    }
  }

  #takeAsked(): Named {
    const named = this.#asked[this.#nextAsked];
    if (!named) throw new Error('git cat-file gave more objects than it was asked for');
    this.#nextAsked += 1;
    if (this.#nextAsked === 4096) {
      this.#asked.splice(0, this.#nextAsked);
      this.#nextAsked = 0;
    }
    return named;
  }

  #begin(named: Named, type: string): void {
    const place = placeOf(named, type);
    if (type !== 'tree') this.report.scanned += 1;
    this.#scanner = new SecretScanner(({ secret, line, column }) => {
      if (type !== 'tree') return this.#options.onFound(toFinding(secret, { ...place, line, column }), secret.text);
      // A tree holds the names of a folder; every later version of the folder holds them again.
      const finding = toFinding(secret, { ...place, line: null, column: null });
      const key = `${finding.sha256} ${finding.path}`;
      if (!this.#names.has(key)) this.#options.onFound(finding, secret.text);
      this.#names.add(key);
    });
  }
}

// Oldest commit first, and behind each commit what it was the first to have.
const LIST = ['rev-list', '--objects', '--in-commit-order', '--topo-order', '--reverse', '--all', 'HEAD'];

/**
 * Scans everything that a repository's refs reach: each version of each file once, whether it was deleted since or not,
 * messages of commits, and annotated tags. Throws `GitError`.
 */
export async function scanGit(repository: string, options: ScanGitOptions): Promise<ScanReport> {
  const scan = new GitScan(options);
  const list = startGit(repository, await listArguments(repository, options), options);
  const cat = startGit(repository, ['cat-file', '--batch', '--buffer'], options);
  try {
    await Promise.all([scan.ask(list.git.stdout, cat.git.stdin), scan.read(cat.git.stdout), list.ended, cat.ended]);
  } finally {
    list.git.kill();
    cat.git.kill();
  }
  return scan.report;
}

/** A repository without any commit has no HEAD to list. */
async function listArguments(repository: string, options: ScanGitOptions): Promise<string[]> {
  const { git, ended } = startGit(repository, ['rev-parse', '--git-dir'], options);
  git.stdout.resume();
  await ended;
  const head = startGit(repository, ['rev-parse', '--verify', '--quiet', 'HEAD'], options);
  head.git.stdout.resume();
  const hasHead = await head.ended.then(
    () => true,
    () => false,
  );
  return hasHead ? LIST : LIST.filter((argument) => argument !== 'HEAD');
}
