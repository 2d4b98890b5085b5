import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createExcludes } from './excludes.ts';
import { type OnFound, type ScanReport, toFinding } from './finding.ts';
import { scanFile } from './scan-file.ts';
import { secretsInText } from './secret-scanner.ts';

export interface ScanTreeOptions {
  /** Globs of what to leave out; see `createExcludes`. */
  excludes?: readonly string[];
  onFound: OnFound;
  /** Hears of each file or folder that cannot be read, and why (`EACCES`). */
  onUnreadable(path: string, code: string): void;
  /** Hears how much was read, piece by piece. */
  onBytes?(count: number): void;
  signal?: AbortSignal;
}

const BUFFER_BYTES = 1024 * 1024;
/** Work between two turns of the event loop, where signals and progress get their turn. */
const TURN_BYTES = 32 * 1024 * 1024;
const TURN_FILES = 512;

/** Compressed and content-addressed: `scanGit` reads these. Settings, hooks and logs beside them are files like any other. */
const isGitStore = (path: string) => /(?:^|\/)\.git\/objects$/.test(path);

interface Entry {
  /** Where to read. */
  path: string;
  /** What to call it. */
  shown: string;
  /** As excludes see it, from the root of the scan. */
  relative: string;
}

class TreeScan {
  readonly report: ScanReport = { scanned: 0, bytes: 0, unreadable: 0 };
  readonly #options: ScanTreeOptions;
  readonly #isExcluded: (path: string) => boolean;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #turnBytes = 0;
  #turnFiles = 0;

  constructor(options: ScanTreeOptions) {
    this.#options = options;
    this.#isExcluded = createExcludes(options.excludes ?? []);
  }

  async run(root: string): Promise<void> {
    const folders: Entry[] = [];
    const start = this.#start(root);
    if (start?.isFolder) folders.push(start);
    else if (start) await this.#scan(start);
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const inner: Entry[] = [];
      for (const entry of this.#list(folder)) {
        const child = {
          path: join(folder.path, entry.name),
          shown: join(folder.shown, entry.name),
          relative: folder.relative === '' ? entry.name : `${folder.relative}/${entry.name}`,
        };
        if (this.#isExcluded(child.relative)) continue;
        this.#lookAtName(child.shown, entry.name);
        if (entry.isDirectory()) {
          if (!isGitStore(child.path)) inner.push(child);
        } else if (entry.isFile()) {
          await this.#scan(child);
        }
      }
      folders.push(...inner.reverse());
    }
  }

  /** What was named is followed where it is a link; what is found inside is not. */
  #start(root: string): (Entry & { isFolder: boolean }) | undefined {
    try {
      const path = realpathSync(root);
      return { path, shown: root, relative: '', isFolder: statSync(path).isDirectory() };
    } catch (error) {
      this.#refused(root, error);
      return undefined;
    }
  }

  #list(folder: Entry): Dirent[] {
    try {
      return readdirSync(folder.path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    } catch (error) {
      this.#refused(folder.shown, error);
      return [];
    }
  }

  #lookAtName(shown: string, name: string): void {
    for (const secret of secretsInText(name)) {
      const place = { in: 'name', path: shown, line: null, column: null, commit: null } as const;
      this.#options.onFound(toFinding(secret, place), secret.text);
    }
  }

  async #scan({ path, shown }: Entry): Promise<void> {
    const { onFound, onBytes } = this.#options;
    const pieces = scanFile(path, this.#buffer, ({ secret, line, column }) => {
      onFound(toFinding(secret, { in: 'content', path: shown, line, column, commit: null }), secret.text);
    });
    try {
      let isFile = false;
      for (const count of pieces) {
        isFile = true;
        this.report.bytes += count;
        this.#turnBytes += count;
        onBytes?.(count);
        if (this.#turnBytes >= TURN_BYTES) await this.#turn();
      }
      if (!isFile) return;
      this.report.scanned += 1;
      this.#turnFiles += 1;
      if (this.#turnFiles >= TURN_FILES) await this.#turn();
    } catch (error) {
      this.#refused(shown, error);
    }
  }

  async #turn(): Promise<void> {
    this.#turnBytes = 0;
    this.#turnFiles = 0;
    await nextTurn();
    this.#options.signal?.throwIfAborted();
  }

  #refused(path: string, error: unknown): void {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string') throw error;
    this.report.unreadable += 1;
    this.#options.onUnreadable(path, code);
  }
}

/**
 * Scans files and folders, in the order of their names, text and binary alike. Links inside are not followed. A file or
 * folder that cannot be read is told and counted, and the scan goes on.
 */
export async function scanTree(roots: readonly string[], options: ScanTreeOptions): Promise<ScanReport> {
  const scan = new TreeScan(options);
  for (const root of roots) await scan.run(root);
  return scan.report;
}
