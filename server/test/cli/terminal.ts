import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { findBinary } from '../services/find-binary.ts';

const bin = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** `latchkey` on a real terminal. */
export interface Terminal {
  /** Everything that the terminal was sent so far, controls and all. */
  shown(): string;
  /** Waits until the screen was sent this. */
  sees(text: string | RegExp): Promise<void>;
  type(text: string): void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/**
 * Runs it on a terminal of its own, made by `script` of util-linux. Its echo is on, as a user's is: what is typed shows
 * unless the program sees to it.
 */
export function onTerminal(args: readonly string[], env: Record<string, string>): Terminal {
  const script = findBinary({ name: 'script', also: ['/usr/bin'], debianPackage: 'bsdutils' });
  const command = `stty cols 120 rows 40; exec ${[process.execPath, bin, ...args].map(quote).join(' ')}`;
  const child = spawn(script, ['-qe', '-E', 'always', '-c', command, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  child.stdin.on('error', () => {});
  return {
    shown: () => text,
    sees: (wanted) =>
      vi.waitFor(() => expect(text).toMatch(wanted), { timeout: 30_000, interval: 20 }).then(() => undefined),
    type: (keys) => void child.stdin.write(keys),
    ended: once(child, 'close').then(([code]) => code as number | null),
  };
}
