import { type Draft, headerOf } from './draft.ts';
import { secretsIn } from './secrets.ts';
import { isDecoy } from './values.ts';
import type { WireReply } from './wire.ts';

const API = /^\/(?:v\d+|oauth|\.well-known|metrics|healthz|readyz|openapi)(?:[/.?]|$)/;
/** Both for the API and for a browser. */
const DEVELOPMENT = ['/dev/mail', '/dev/callback'];
const HTML = 'text/html; charset=utf-8';
/** All of it: a page that needs less is no reason to loosen it for the others. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
];
/** Chromium holds a form's redirects against `form-action`: consent leads to the application. */
const TO_CLIENT = /(?<=^form-action 'self')(?: http:\/\/localhost:\* http:\/\/127\.0\.0\.1:\*)? https:$/;
const STACK = /node_modules|node:internal|(?:\n|\\n) {4}at |\.ts:\d|\.js:\d+:\d|SQLITE_|kysely|FST_ERR/;
const RUNS =
  /<script(?![^>]*\ssrc="\/assets\/)|<[^>]+\son[a-z]+=|<style|\sstyle="|\s(?:href|src|action|formaction)="\s*(?:javascript|data):/i;

export const isHtml = ({ headers }: WireReply): boolean =>
  headers.get('content-type')?.startsWith('text/html') === true;

/**
 * Who may be answered by a page: whoever asks for a path of theirs; and in a browser, which accepts pages and shows no
 * credential in a header, whoever followed a link to nowhere, or looks at the kept mails.
 */
export function mayBePage(
  draft: Draft,
  path: string,
  { isPagePath, status }: { isPagePath: boolean; status: number },
): boolean {
  if (draft.path.includes('#') || draft.path.startsWith('*')) return false;
  if (isPagePath) return true;
  // A whole URL goes to proxies; a page that it names may answer, and draws what it refuses itself.
  if (!draft.path.startsWith('/')) return false;
  const isProgram = headerOf(draft, 'authorization') !== undefined || headerOf(draft, 'x-api-key') !== undefined;
  if (isProgram || !headerOf(draft, 'accept')?.includes('text/html')) return false;
  return DEVELOPMENT.includes(path) || (status >= 400 && !API.test(path));
}

/** A page holds nothing of others, runs nothing that somebody typed, and tells nothing of our insides. */
export function problemsOfPage({ status, headers, text }: WireReply, leadsToClient = false): string[] {
  const problems: string[] = [];
  if (status >= 500) problems.push(`status ${status}`);
  if (headers.get('content-type') !== HTML) problems.push(`a page of type ${headers.get('content-type')}`);
  const said = (headers.get('content-security-policy') ?? '').split('; ');
  const policy = leadsToClient ? said.map((each) => each.replace(TO_CLIENT, '')) : said;
  const missing = POLICY.filter((directive) => !policy.includes(directive));
  if (missing.length > 0) problems.push(`a page without ${missing.join('; ')}`);
  if (/unsafe|data:|\*/.test(policy.join())) problems.push(`a page with a loose policy: ${policy.join('; ')}`);
  if (headers.get('cache-control') !== 'no-store') problems.push('a page that may be stored');
  const inside = STACK.exec(text)?.[0];
  if (inside !== undefined) problems.push(`a page that tells ${JSON.stringify(inside)}`);
  const runs = RUNS.exec(text)?.[0];
  if (runs !== undefined) problems.push(`a page with something that runs: ${runs.slice(0, 80)}`);
  if (secretsIn(text).some((secret) => !isDecoy(secret))) problems.push('a secret on a page');
  return problems;
}

/** A form leads to a page of this server, and nowhere else. */
export function problemsOfWay({ status, headers }: WireReply): string[] {
  const location = headers.get('location') ?? '';
  const isOwn = /^\/(?![/\\])/.test(location);
  return status === 303 && isOwn ? [] : [`status ${status} to ${JSON.stringify(location)}`];
}
