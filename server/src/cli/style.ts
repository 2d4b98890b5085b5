import { stripVTControlCharacters, styleText } from 'node:util';

/** Emphasis; without colors each returns its text. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
}

export function createStyle(colors: boolean): Style {
  const as = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    colors ? styleText(format, text, { validateStream: false }) : text;
  return { bold: as('bold'), dim: as('dim'), good: as('green'), bad: as('red'), warn: as('yellow') };
}

/** Colors go to terminals only, and not where somebody set NO_COLOR (no-color.org) or TERM=dumb. */
export function wantsColors(
  stream: { isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== 'dumb';
}

// Controls, line separators, and the marks that turn text around.
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

const shown = (mark: string) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`;

/** Text from elsewhere, on one line: what would move the cursor or hide itself is shown as `\u{…}`. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, shown);
}

/** The same for text of several lines. */
export function plainLines(text: string): string {
  return text.replace(UNSAFE, (mark) => (mark === '\n' || mark === '\t' ? mark : shown(mark)));
}

/** JSON from elsewhere, the same value in other letters: nothing in it but line feeds and tabs moves the cursor. */
export function plainJson(text: string): string {
  return text.replace(UNSAFE, (mark) =>
    /[\t\n\r]/.test(mark) ? mark : `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value as JSON on one line, for a terminal too. */
export function jsonText(value: unknown): string {
  return plainJson(JSON.stringify(value));
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\p{Emoji_Presentation}]/u;
const segmenter = new Intl.Segmenter();

/** How many columns a text takes on a terminal. */
export function widthOf(text: string): number {
  const plain = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(plain)) return plain.length;
  let width = 0;
  for (const { segment } of segmenter.segment(plain)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}
