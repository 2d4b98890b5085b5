import { afterEach, expect, test } from 'vitest';
import { startProgram, stopPrograms } from './program.ts';

afterEach(stopPrograms);

test('the built program brings its pages, and all that they link to', async () => {
  const { ready } = await startProgram();
  const text = async (path: string) => {
    const reply = await fetch(ready.url + path, { headers: { accept: 'text/html' } });
    expect([path, reply.status]).toEqual([path, 200]);
    return reply.text();
  };
  const page = await text('/sign-in');
  expect(page).toContain('<h1>Sign in</h1>');
  const linked = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  expect(linked).toHaveLength(4);
  for (const path of linked) {
    const content = await text(path);
    for (const [, name] of content.matchAll(/url\("\.\/([^"]+)"\)/g)) await text(`/assets/${name}`);
  }
});
