import { TEXTS } from '../texts.ts';
import { html, type Markup } from './html.ts';

const dates = new Intl.DateTimeFormat(TEXTS.language, { dateStyle: 'medium', timeZone: 'UTC' });
const moments = new Intl.DateTimeFormat(TEXTS.language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

export const day = (timeMs: number): string => dates.format(timeMs);

/** A moment for people and for programs. Without a script nobody knows the reader's clock: so it is UTC, and says so. */
export function moment(timeMs: number): Markup {
  return html`<time datetime=${new Date(timeMs).toISOString()}>${moments.format(timeMs)} UTC</time>`;
}
