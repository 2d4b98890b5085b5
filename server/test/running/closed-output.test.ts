import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { endWithThisProcess } from '../services/guard.ts';
import { newDataDir, stopPrograms } from './program.ts';

const bin = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));
afterEach(stopPrograms);

test('a server whose log and whose stdout nobody reads any more goes on', async () => {
  const dataDir = newDataDir();
  const env = { PATH: process.env.PATH, PORT: '0', LATCHKEY_DATA_DIR: dataDir, LATCHKEY_LOG_LEVEL: 'debug' };
  const child = spawn(process.execPath, [bin, 'serve', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const release = endWithThisProcess(child.pid ?? 0, 'SIGKILL', dataDir);
  const exited = once(child, 'exit');
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  const { url } = JSON.parse(line);
  child.stdout.destroy();
  child.stderr.destroy();
  // Each of them writes a line to the log.
  for (let call = 0; call < 5; call += 1) expect((await fetch(`${url}/v1/auth/verify`)).status).toBe(401);
  child.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
  release();
});
