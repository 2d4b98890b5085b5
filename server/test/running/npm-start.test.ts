import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startProgram, stopPrograms } from './program.ts';

afterEach(stopPrograms);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('npm start says one line on stdout, and ends with its server on SIGTERM', async () => {
  const program = await startProgram({ command: ['npm', 'start', '--', '--json'] });
  expect((await program.call('/v1/auth/verify')).status).toBe(200);
  const holder = join(program.dataDir, 'latchkey.sqlite.serving.json');
  const { pid } = JSON.parse(readFileSync(holder, 'utf8')) as { pid: number };
  expect(isAlive(pid)).toBe(true);
  expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(program.stdout()).toBe(`${JSON.stringify(program.ready)}\n`);
  expect(isAlive(pid)).toBe(false);
});
