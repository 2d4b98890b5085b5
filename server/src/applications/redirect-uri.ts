import type { Environment } from '../http/index.ts';
import type { ApplicationType } from './application.ts';

const MAX_LENGTH = 2000;
const PRINTABLE = /^[\x21-\x7e]+$/;
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|\[::1\]|localhost)$/;

/** Schemes that name no application: what a browser runs, shows or opens by itself, or that go to somebody else. */
const NEVER = new Set([
  'about',
  'android-app',
  'blob',
  'chrome',
  'chrome-extension',
  'content',
  'data',
  'facetime',
  'feed',
  'file',
  'filesystem',
  'ftp',
  'ftps',
  'geo',
  'gopher',
  'hcp',
  'intent',
  'its',
  'jar',
  'javascript',
  'ldap',
  'livescript',
  'mailto',
  'mk',
  'mocha',
  'moz-extension',
  'news',
  'res',
  'resource',
  'search',
  'search-ms',
  'sftp',
  'shell',
  'sms',
  'ssh',
  'tel',
  'urn',
  'vbscript',
  'view-source',
  'wais',
  'ws',
  'wss',
]);

/** `http://` and one of this machine's own names, with the port apart: ports may differ from start to start. */
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([1-9]\d{0,4}))?((?:[/?].*)?)$/;

/** Windows gives all of these to programs of its own. */
const OF_WINDOWS = /^ms-/;

const keepsNoSecret = (type: ApplicationType) => type === 'public' || type === 'native';

/** Compared as text, so it is written in one way: what a parser would read otherwise is told in its own spelling. */
function spellingProblem(uri: string, url: URL): string | null {
  const { href } = url;
  const withSlash = uri.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?]+)(?=\?|$)/, '$1/');
  return href === uri || href === withSlash ? null : `must be written as ${href}`;
}

function webProblem(url: URL, type: ApplicationType, environment: Environment): string | null {
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password';
  if (url.protocol === 'https:') return null;
  if (!LOOPBACK_HOST.test(url.hostname)) return 'must be https; http is for localhost, 127.0.0.1 and [::1]';
  if (keepsNoSecret(type) || environment === 'test') return null;
  return 'must be https; a live web application is not on localhost';
}

/**
 * What is wrong with a redirect URI at registration; null when nothing is (RFC 6749 §3.1.2, RFC 8252 §7, security A3).
 * Live web applications: https alone. In the test environment, and for `public` and `native`, http on this machine too;
 * `public` and `native` also schemes of their own. Pure.
 */
export function redirectUriProblem(uri: string, type: ApplicationType, environment: Environment): string | null {
  if (uri.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (!PRINTABLE.test(uri)) return 'must be printable ASCII without blanks';
  if (uri.includes('#')) return 'must have no fragment';
  if (uri.includes('*')) return 'must have no wildcard: register each URI';
  if (uri.includes('\\')) return 'must hold no backslash';
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined || !URL.canParse(uri)) return 'must be an absolute URI';
  if (NEVER.has(scheme) || OF_WINDOWS.test(scheme)) return `must not have the scheme ${scheme}`;
  const url = new URL(uri);
  const isWeb = scheme === 'https' || scheme === 'http';
  if (!isWeb && !keepsNoSecret(type))
    return 'must be https; schemes of their own are for public and native applications';
  return (isWeb ? webProblem(url, type, environment) : null) ?? spellingProblem(uri, url);
}

/**
 * Whether a presented redirect URI is a registered one: the same text, character for character. Of `public` and `native`
 * applications the port on this machine may be another (RFC 8252 §7.3); 127.0.0.1, [::1] and localhost are three names.
 * Pure.
 */
export function matchRedirectUri(registered: string, presented: string, type: ApplicationType): boolean {
  if (registered === presented) return true;
  if (!keepsNoSecret(type) || presented.length > MAX_LENGTH || !PRINTABLE.test(presented)) return false;
  const [ours, theirs] = [LOOPBACK.exec(registered), LOOPBACK.exec(presented)];
  if (!ours || !theirs || presented.includes('#') || Number(theirs[2] ?? 80) > 65_535) return false;
  return ours[1] === theirs[1] && ours[3] === theirs[3];
}
