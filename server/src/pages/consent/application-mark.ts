import type { Application } from '../../applications/index.ts';
import { html, type Markup } from '../look/html.ts';

/** Shown only of whom somebody registered: a picture of one that registered itself could be anybody's. */
export function pictureOf({ logoUri, isSelfRegistered }: Application): string | null {
  if (logoUri === null || isSelfRegistered || !URL.canParse(logoUri)) return null;
  return new URL(logoUri).protocol === 'https:' ? logoUri : null;
}

/** An application's picture, or its first letter. The name stands beside it. */
export function applicationMark(application: Application): Markup {
  const picture = pictureOf(application);
  if (picture !== null) return html`<img class="app-mark" src=${picture} alt="" width="44" height="44" />`;
  const [letter = '?'] = application.name.trim();
  return html`<span class="app-mark" aria-hidden="true">${letter.toUpperCase()}</span>`;
}

/** What of a redirect URI tells a person where they go. */
export function placeOf(redirectUri: string): { kind: 'site' | 'device' | 'scheme'; name: string } {
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(redirectUri)?.[1]?.toLowerCase() ?? '';
  if (scheme !== 'http' && scheme !== 'https') return { kind: 'scheme', name: `${scheme}:` };
  const { host, hostname } = new URL(redirectUri);
  const isLoopback = /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(hostname);
  return { kind: isLoopback ? 'device' : 'site', name: host };
}
