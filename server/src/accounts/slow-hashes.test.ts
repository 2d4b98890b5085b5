import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { createSlowHashes, type SlowHashes } from './slow-hashes.ts';

const opened: SlowHashes[] = [];
afterEach(() => {
  for (const { close } of opened.splice(0)) close();
});

function slowHashes(): SlowHashes {
  const made = createSlowHashes();
  opened.push(made);
  return made;
}

const threads = () => (process.platform === 'linux' ? readdirSync('/proc/self/task') : []);

/** Of each thread; the 19th field of its `stat`, the 17th behind the name (proc(5)). */
const nicenesses = (ids: readonly string[]) =>
  ids.map((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  });

test('a hash is checked in a thread that yields to all others, and only there', async () => {
  const before = threads();
  const { hash, verify } = slowHashes();
  const [first, second] = await Promise.all([hash('correct horse'), hash('battery staple')]);
  expect(await verify(first, 'correct horse')).toBe(true);
  expect(await verify(second, 'correct horse')).toBe(false);
  const made = nicenesses(threads().filter((id) => !before.includes(id)));
  expect(made.filter((niceness) => niceness === 19)).toHaveLength(process.platform === 'linux' ? 2 : 0);
  if (process.platform === 'linux') expect(nicenesses([String(process.pid)])).toEqual([0]);
});

test('what is no hash fits nothing, and the thread goes on', async () => {
  const { hash, verify } = slowHashes();
  for (const text of ['', '$argon2id$', '$2b$', 'made up']) expect(await verify(text, text)).toBe(false);
  expect(await verify(await hash('right'), 'right')).toBe(true);
});

test('whoever waits when the server stops is refused', async () => {
  const { hash, close } = slowHashes();
  const all = Array.from({ length: 5 }, () => hash('too late').catch((error) => error.code));
  close();
  expect(await Promise.all(all)).toEqual(Array.from({ length: 5 }, () => 'unavailable'));
});
