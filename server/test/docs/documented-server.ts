import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { temporaryFolder } from '../harness.ts';
import { findBinary } from '../services/find-binary.ts';
import { freePort } from '../services/free-port.ts';
import { root } from './documents.ts';

const LAST_LINE = 'Stop with Ctrl-C.';

/** The built program, started for the first time as a reader would: what it printed, and where a reader's shell reaches it. */
export interface DocumentedServer {
  printed: string[];
  /** What the first start printed behind a label such as `Test key`. */
  printedAs(label: string): string;
  /** A document's text with this server's address, and free ports, in place of those of the document. */
  localize(text: string): string;
  /** Saves a file where the reader's shell is. */
  save(name: string, text: string): void;
  /** Runs a snippet in a shell and returns what it wrote. */
  run(snippet: string, variables: Readonly<Record<string, string>>): Promise<string>;
  /** Starts a program and returns the first lines that it prints; `stop` ends it. */
  background(command: string, variables: Readonly<Record<string, string>>, lines: number): Promise<string>;
  stop(): Promise<void>;
}

async function linesUntil(lines: AsyncIterable<string>, isLast: (line: string, count: number) => boolean) {
  const printed: string[] = [];
  for await (const line of lines) {
    printed.push(line);
    if (isLast(line, printed.length)) return printed;
  }
  throw new Error(`the program ended while it started; it printed ${JSON.stringify(printed)}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** The programs of the snippets: this Node, `latchkey`, and curl, Python and oathtool from wherever they are. */
function searchPath(snippet: string): string {
  const folders = [dirname(process.execPath), join(root, 'node_modules', '.bin')];
  folders.push(dirname(findBinary({ name: 'curl', also: ['/usr/bin'], debianPackage: 'curl' })));
  if (/\bpython3\b/.test(snippet)) {
    folders.push(dirname(findBinary({ name: 'python3', also: ['/usr/bin'], debianPackage: 'python3' })));
  }
  if (/\boathtool\b/.test(snippet)) {
    folders.push(dirname(findBinary({ name: 'oathtool', also: ['/usr/bin'], debianPackage: 'oathtool' })));
  }
  return [...folders, process.env.PATH].join(delimiter);
}

function labelled(printed: readonly string[], label: string): string {
  const line = printed.map((text) => text.trim()).find((text) => text.startsWith(`${label} `));
  const word = line?.split(/\s+/).at(-1);
  if (word === undefined) throw new Error(`the start printed nothing as ${label}`);
  return word;
}

function inFolder(folder: string, localize: (text: string) => string) {
  const children: ChildProcess[] = [];
  const shell = (snippet: string, variables: Readonly<Record<string, string>>) => ({
    cwd: folder,
    env: { HOME: folder, PATH: searchPath(snippet), ...variables },
  });
  return {
    save: (name: string, text: string) => writeFileSync(join(folder, name), `${localize(text)}\n`),
    run: async (snippet: string, variables: Readonly<Record<string, string>>) => {
      const { stdout } = await promisify(execFile)('sh', ['-euc', localize(snippet)], shell(snippet, variables));
      return stdout;
    },
    background: async (command: string, variables: Readonly<Record<string, string>>, lines: number) => {
      const child = spawn('sh', ['-euc', `exec ${localize(command)}`], {
        ...shell(command, variables),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      const printed = await linesUntil(createInterface({ input: child.stdout }), (_, count) => count === lines);
      child.stdout.resume();
      return printed.join('\n');
    },
    endAll: async () => {
      await Promise.all(children.map(end));
    },
  };
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
  let endPrograms = async () => {};
  const stop = async () => {
    await endPrograms();
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const printed = await linesUntil(createInterface({ input: child.stdout }), (line) => line === LAST_LINE);
    child.stdout.resume();
    const printedAs = (label: string) => labelled(printed, label);
    const [url, key] = [printedAs('Latchkey is running'), printedAs('Test key')];
    const ports = { 8080: await freePort(), 8081: await freePort(), 8082: await freePort() };
    const localize = (text: string) =>
      text
        .replaceAll('http://localhost:4000', url)
        .replace(/\b808[0-2]\b/g, (port) => String(ports[port as unknown as keyof typeof ports]));
    const { endAll, ...programs } = inFolder(folder, (text) => localize(text).replaceAll('sk_test_…', key));
    endPrograms = endAll;
    return { printed, printedAs, localize, ...programs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
