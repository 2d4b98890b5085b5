import type { Authorizer } from '../../oauth/index.ts';
import { returnTo } from './return-to.ts';

/** An application that waits until a person is in. */
export interface WayOut {
  name: string;
  redirectUri: string;
}

/** Where a stored request goes on. */
export const CONSENT_PATH = '/oauth/consent';
/** The browser that waiting requests belong to. */
export const BROWSER_COOKIE = 'latchkey_authorizing';
/** Where a person goes on who has left for their mailbox. */
const WAY_COOKIE = 'latchkey_way';
const WAY_SECONDS = 3600;

interface Call {
  form: URLSearchParams;
  query: URLSearchParams;
  address: string;
  cookie(name: string): string | undefined;
}

interface Base {
  at(path: string): string;
}

export const consentPath = ({ at }: Base, request: string): string =>
  `${at(CONSENT_PATH)}?request=${encodeURIComponent(request)}`;

/** Where to go on when the mail is answered in this browser; null when nobody waits. */
export function keptWay({ cookie }: Pick<Call, 'cookie'>): string | null {
  const kept = cookie(WAY_COOKIE);
  return kept === undefined ? null : returnTo(kept, '') || null;
}

type SetCookie = (name: string, value: string, maxAgeSeconds: number) => void;

/** Remembers where a person goes on, over the way to their mailbox and back. */
export function keepWay({ setCookie, way }: { setCookie: SetCookie; way: string }): void {
  setCookie(WAY_COOKIE, way, WAY_SECONDS);
}

export function forgetWay({ setCookie }: { setCookie: SetCookie }): void {
  setCookie(WAY_COOKIE, '', 0);
}

/** Whose form has no way in it, and whose answer goes the way that was kept. */
const KEPT_FOR = '/sign-up/confirm';

/** The application behind the way in, if there is one: looked up by the request that the way names. */
export async function wayOutOf(authorizer: Authorizer, ui: Base, path: string, call: Call): Promise<WayOut | null> {
  const kept = path === KEPT_FOR ? keptWay(call) : null;
  const way = call.form.get('return_to') ?? call.query.get('return_to') ?? kept;
  if (way === null) return null;
  const prefix = consentPath(ui, '');
  if (!way.startsWith(prefix)) return null;
  const waiting = await authorizer.waitingFor(way.slice(prefix.length), {
    browser: call.cookie(BROWSER_COOKIE) ?? null,
    address: call.address,
  });
  return waiting && { name: waiting.application.name, redirectUri: waiting.redirectUri };
}
