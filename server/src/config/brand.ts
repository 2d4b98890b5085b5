import { readFileSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Config } from './config.ts';

const LARGEST_LOGO_BYTES = 256 * 1024;
/** A file is what its first bytes say, whatever it is called. */
const SIGNATURES: readonly (readonly [ending: RegExp, begins: RegExp])[] = [
  [/\.png$/i, /^.PNG\r\n/],
  [/\.jpe?g$/i, /^\xff\xd8\xff/],
  [/\.webp$/i, /^RIFF[\s\S]{4}WEBP/],
  [/\.svg$/i, /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<svg[\s>]/],
];

export function parseBrandName(text: string): string {
  if ([...text].length > 60 || /[\p{C}\p{Zl}\p{Zp}]/u.test(text)) {
    throw new Error('is longer than 60 characters, or holds control characters');
  }
  return text;
}

export function parseColor(text: string): string {
  if (!/^#[0-9a-f]{6}$/i.test(text)) throw new Error('is not a color like #12664f');
  return text.toLowerCase();
}

/** A file, read once, or an https URL that browsers fetch themselves. */
export function readLogo(text: string, workingDir: string): Config['brand']['logo'] {
  if (/^[a-z]+:\/\//i.test(text)) {
    if (!text.startsWith('https://') || !URL.canParse(text)) throw new Error('is a URL, but no https one');
    return { url: text };
  }
  const path = resolve(workingDir, text);
  const signature = SIGNATURES.find(([ending]) => ending.test(path));
  if (!signature) throw new Error('has an ending that is none of .svg, .png, .jpg, .jpeg and .webp');
  let bytes: Uint8Array;
  try {
    if (statSync(path).size > LARGEST_LOGO_BYTES) throw new Error('over 256 KiB');
    bytes = readFileSync(path);
  } catch (error) {
    throw new Error(`is ${path}, which cannot be used (${(error as NodeJS.ErrnoException).code ?? 'over 256 KiB'})`);
  }
  if (!signature[1].test(Buffer.from(bytes).toString('latin1'))) {
    throw new Error(`is ${path}, whose content is not what its ending says`);
  }
  return { file: basename(path), bytes };
}
