import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { sha256Hex } from '../../crypto/index.ts';

/** A file that pages link to, under a name that changes with it. */
export interface Asset {
  path: string;
  type: string;
  etag: string;
  bytes: Uint8Array;
}

/** By the name that pages call it. */
export type Assets = ReadonlyMap<string, Asset>;

export const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
};

const { resolve } = createRequire(import.meta.url);
const fontFile = (subset: string) =>
  resolve(`@fontsource-variable/hanken-grotesk/files/hanken-grotesk-${subset}-wght-normal.woff2`);
/** Beside this file in the sources; in the bundle, where scripts/bundle.mjs puts it. */
const ownFile = (name: string) =>
  new URL(import.meta.url.endsWith('.ts') ? `./${name}` : `./assets/${name}`, import.meta.url);

/** What comes first may be named in what comes later. */
const FILES: readonly (readonly [name: string, file: () => string | URL])[] = [
  ['hanken-grotesk-latin.woff2', () => fontFile('latin')],
  ['hanken-grotesk-latin-ext.woff2', () => fontFile('latin-ext')],
  ['mark.svg', () => ownFile('mark.svg')],
  ['icon.svg', () => ownFile('icon.svg')],
  ['tokens.css', () => ownFile('tokens.css')],
  ['pages.css', () => ownFile('pages.css')],
  ['passkeys.js', () => ownFile('passkeys.js')],
  ['form-post.js', () => ownFile('form-post.js')],
];

const REFERENCE = /url\("\.\/([\w.-]+)"\)/g;

/** A style sheet names its neighbors as they are called on disk: here they get the names that they are served under. */
function linked(name: string, bytes: Uint8Array, assets: Assets): Uint8Array {
  if (!name.endsWith('.css')) return bytes;
  const css = Buffer.from(bytes).toString('utf8');
  const served = css.replace(REFERENCE, (_all, file: string) => {
    const found = assets.get(file);
    if (!found) throw new Error(`${name} names ${file}, which is no asset`);
    return `url("./${found.path.slice(found.path.lastIndexOf('/') + 1)}")`;
  });
  return Buffer.from(served);
}

export function toAsset(name: string, bytes: Uint8Array): Asset {
  const [, stem = name, extension = ''] = /^(.*)\.(\w+)$/.exec(name) ?? [];
  const digest = sha256Hex(Buffer.from(bytes).toString('base64')).slice(0, 16);
  return {
    path: `/assets/${stem}-${digest}.${extension}`,
    type: TYPES[extension] ?? 'application/octet-stream',
    etag: `"${digest}"`,
    bytes,
  };
}

/** Reads every file once; they are served from memory. */
export function loadAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const [name, file] of FILES) assets.set(name, toAsset(name, linked(name, readFileSync(file()), assets)));
  return assets;
}
