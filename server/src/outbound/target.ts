import { isIP } from 'node:net';
import { OutboundRefusal } from './refusal.ts';

/** A URL that was parsed once: nothing looks at its text again. */
export interface Target {
  readonly url: URL;
  readonly isEncrypted: boolean;
  /** Without the brackets of IPv6. */
  readonly hostname: string;
  readonly isLiteral: boolean;
}

const MAX_LENGTH = 2048;
const AUTHORITY = /^https?:\/\/([^/?#\\]*)/i;
const LOOPBACK_NAME = /^(?:.+\.)?localhost$/;

/** RFC 6761 §6.3: these names are the loopback, whatever a resolver says. */
export const isLoopbackName = (hostname: string) => LOOPBACK_NAME.test(hostname);

/**
 * What is wrong with the text of a URL that the server is to ask: a sentence without subject that says what to write, or
 * null. Names are resolved only when it is asked.
 */
export function problemOfTarget(text: string): string | null {
  if (text.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  const [, authority] = AUTHORITY.exec(text) ?? [];
  if (authority === undefined || !URL.canParse(text)) return 'must be an absolute https URL';
  if (/[^\x21-\x7e]/.test(text)) return 'must be ASCII without spaces (percent-encoded, the host as xn--…)';
  const { hostname, username, password, port, hash } = new URL(text);
  if (username !== '' || password !== '' || authority.includes('@')) return 'must hold no user name or password';
  if (hash !== '' || text.includes('#')) return 'must hold no fragment';
  if (port === '0') return 'must name a port from 1 to 65535';
  const written = authority.replace(/:\d*$/, '').toLowerCase();
  // What the parser understands as another host (2130706433, 0x7f.1, 127.1, 0177.0.0.1, %6c) is a disguise.
  if (written !== hostname)
    return 'must spell its host plainly: a name, or an address such as 192.0.2.1 or [2001:db8::1]';
  if (hostname.endsWith('.')) return 'must not end its host in a dot';
  return null;
}

/** Throws `OutboundRefusal`. */
export function targetOf(text: string): Target {
  const problem = problemOfTarget(text);
  if (problem !== null) throw new OutboundRefusal('target', `The URL ${problem}.`);
  const url = new URL(text);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  return { url, isEncrypted: url.protocol === 'https:', hostname, isLiteral: isIP(hostname) !== 0 };
}
