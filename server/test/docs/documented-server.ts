import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { temporaryFolder } from '../harness.ts';
import { findBinary } from '../services/find-binary.ts';
import { root } from './documents.ts';

const LAST_LINE = 'Stop with Ctrl-C.';

/** The built program, started for the first time as a reader would: what it printed, and where a reader's shell reaches it. */
export interface DocumentedServer {
  printed: string[];
  /** A document's text with this server's address and key in place of those of the document. */
  localize(text: string): string;
  /** Runs a snippet in a shell and returns what it wrote. */
  run(snippet: string, variables: Record<string, string>): Promise<string>;
  stop(): Promise<void>;
}

function printedWord(printed: readonly string[], pattern: RegExp): string {
  const word = printed.map((line) => pattern.exec(line)?.[1]).find(Boolean);
  if (word === undefined) throw new Error(`the start printed nothing like ${pattern}`);
  return word;
}

async function readStart(lines: AsyncIterable<string>): Promise<string[]> {
  const printed: string[] = [];
  for await (const line of lines) {
    printed.push(line);
    if (line === LAST_LINE) return printed;
  }
  throw new Error(`the server ended while it started; it printed ${JSON.stringify(printed)}`);
}

/** Starts `latchkey serve` on a free port, in a folder of its own. */
export async function startDocumentedServer(): Promise<DocumentedServer> {
  const folder = temporaryFolder();
  const env = { PATH: process.env.PATH, PORT: '0', LATCHKEY_DATA_DIR: join(folder, '.latchkey') };
  const child = spawn(process.execPath, [join(root, 'server/bin/latchkey.js'), 'serve'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const printed = await readStart(createInterface({ input: child.stdout }));
    child.stdout.resume();
    const url = printedWord(printed, /running at (\S+)$/);
    const key = printedWord(printed, /Test key +(\S+)$/);
    const rootKey = printedWord(printed, /Root key +(\S+)$/);
    const localize = (text: string) => text.replaceAll('http://localhost:4000', url);
    const curl = findBinary({ name: 'curl', also: ['/usr/bin'], debianPackage: 'curl' });
    const path = [dirname(curl), process.env.PATH].join(':');
    const run = async (snippet: string, variables: Record<string, string>) => {
      const text = localize(snippet).replaceAll('sk_test_…', key);
      const shell = { PATH: path, KEY: key, ROOT_KEY: rootKey, ...variables };
      const { stdout } = await promisify(execFile)('sh', ['-euc', text], { cwd: folder, env: shell });
      return stdout;
    };
    return { printed, localize, run, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
