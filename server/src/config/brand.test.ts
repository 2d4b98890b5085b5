import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseBrandName, parseColor, readLogo } from './brand.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-brand-'));
function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

test('a name is short and stays on its line', () => {
  expect(parseBrandName('Ada & Söhne')).toBe('Ada & Söhne');
  expect(() => parseBrandName('a'.repeat(61))).toThrow('60 characters');
  expect(() => parseBrandName('a\u2028b')).toThrow('control');
});

test('a color is #rrggbb and nothing that a style sheet could read otherwise', () => {
  expect(parseColor('#FFE600')).toBe('#ffe600');
  for (const text of ['red', '#fff', '#ffffff;}', 'var(--x)', '']) expect(() => parseColor(text)).toThrow('#12664f');
});

test('a logo is a picture of a known kind, or an https URL', () => {
  const svg = file('logo.svg', '<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg"/>');
  expect(readLogo(svg, folder)).toMatchObject({ file: 'logo.svg' });
  const png = file('logo.PNG', Buffer.from('89504e470d0a1a0a00', 'hex'));
  expect(readLogo(png, folder)).toMatchObject({ file: 'logo.PNG' });
  expect(readLogo('https://cdn.example.com/logo', folder)).toEqual({ url: 'https://cdn.example.com/logo' });
});

test('anything else is refused, with the reason', () => {
  expect(() => readLogo('http://cdn.example.com/logo.png', folder)).toThrow('no https');
  expect(() => readLogo('missing.png', folder)).toThrow('ENOENT');
  expect(() => readLogo(file('page.html', '<html>'), folder)).toThrow('ending');
  expect(() => readLogo(file('fake.png', '<svg xmlns="http://www.w3.org/2000/svg"/>'), folder)).toThrow('content');
  expect(() => readLogo(file('large.svg', `<svg>${' '.repeat(270_000)}`), folder)).toThrow('256 KiB');
});
