import type { Caller, World } from './callers.ts';
import { type Draft, headerOf, targetOf } from './draft.ts';
import { type ErrorShape, problemOfError } from './error-shapes.ts';
import { isOauthPage, mayShowAgain, problemsOfAnswer, problemsOfOauth } from './oauth/oracle.ts';
import type { Operation } from './operations.ts';
import { isHtml, mayBePage, problemsOfPage, problemsOfWay } from './page-oracle.ts';
import { type SecretBook, secretsIn } from './secrets.ts';
import { isDecoy } from './values.ts';
import type { WireReply } from './wire.ts';

export interface OracleOptions {
  find(method: string, path: string): Operation | undefined;
  /** Whether a path is one of the pages' own. */
  isPage(path: string): boolean;
  world: Pick<World, 'marker' | 'otherWorkspace'>;
  book: SecretBook;
}

/** A reply that was understood, for whoever learns from it. */
export interface Verdict {
  problems: string[];
  operation: Operation | undefined;
  json: unknown;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
/** What no caller may read: where our code stands, what it is made of, how it asks the database. */
const INSIDES =
  /node_modules|node:internal|(?:\n|\\n) {4}at |\.ts:\d|\.js:\d|sqlite|postgres|kysely|FST_ERR|SyntaxError|TypeError|RangeError|syntax error|violates|\[object Object\]/i;

/** As the router reads it: `%70` is `p` (RFC 3986 §6.2.2.2), `%2f` is no slash. */
export function pathOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] || '/';
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** A proxy's sub-request, whose refusals are told in fewer statuses. */
export function isGate(draft: Draft): boolean {
  return /\/gate(?:#|$)/.test(pathOf(targetOf(draft)));
}

/** The shape of errors that this request must be answered in (contract §8). */
export function shapeFor(draft: Draft): ErrorShape {
  if (headerOf(draft, 'accept')?.includes('application/problem+json')) return 'problem';
  const path = pathOf(targetOf(draft));
  const version = /^\/(v[12])(?:\/|$)/.exec(path)?.[1] as ErrorShape | undefined;
  if (version) return version;
  if (/^\/(?:oauth\/(?!applications)|authorize$|token$)/.test(path)) return 'oauth';
  return headerOf(draft, 'x-api-version') === '1.0' ? 'v1' : 'v2';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In development, for whoever is on this machine. */
const OPEN_TO_PEERS = ['/metrics', '/dev/mail', '/dev/callback'];

/** What every reply must have, whatever it answers. */
export function problemsOfHeaders({ headers }: WireReply, isPublic: boolean, isForPages = isPublic): string[] {
  const problems: string[] = [];
  if (!REQUEST_ID.test(headers.get('x-request-id') ?? '')) problems.push('no X-Request-ID, or one that is none');
  if (headers.get('x-content-type-options') !== 'nosniff') problems.push('no X-Content-Type-Options');
  if (!isPublic && headers.get('cache-control') !== 'no-store') problems.push('a private reply that may be stored');
  if (!isForPages && headers.has('access-control-allow-origin')) problems.push("another site's page may read this");
  if (!isPublic && headers.has('set-cookie')) problems.push('a cookie for whoever called with a key');
  for (const [name, value] of headers) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) problems.push(`a control character in ${name}`);
  }
  return problems;
}

/** An error in full: type, shape, code, headers that its status calls for, and nothing of our insides. */
export function problemsOfError(
  reply: WireReply,
  shapes: readonly ErrorShape[],
  isGate: boolean,
  isHead: boolean,
): string[] {
  const { status, headers, text } = reply;
  const problems: string[] = [];
  if (status >= 500) problems.push(`status ${status}`);
  if (status === 401 && !headers.has('www-authenticate')) problems.push('401 without WWW-Authenticate');
  if (status === 405 && !headers.has('allow')) problems.push('405 without Allow');
  if (status === 429 && !/^[1-9]\d*$/.test(headers.get('retry-after') ?? '')) problems.push('429 without Retry-After');
  if (!/^application\/(?:problem\+)?json(?:; charset=utf-8)?$/.test(headers.get('content-type') ?? '')) {
    problems.push(`an error of type ${headers.get('content-type')}`);
  }
  if (isHead) return problems;
  const all = [text, ...headers.values()].join('\n');
  // Random letters spell anything, now and then.
  const requestId = headers.get('x-request-id') ?? '';
  const inside = INSIDES.exec(all.replaceAll(requestId, ''))?.[0];
  if (inside !== undefined) problems.push(`an error that tells ${JSON.stringify(inside)}`);
  if (secretsIn(all).length > 0) problems.push('an error that repeats a credential');
  const found = shapes.map((shape) => problemOfError(shape, { status, requestId, isGate }, parsed(text)));
  if (!found.includes(null)) problems.push(...found.filter((each) => each !== null).slice(0, 1));
  return problems;
}

/**
 * A secret may stand in the one reply that makes it, and for its maker in the replay of that reply. A decoy that was
 * stored as somebody's name may be read again.
 */
function problemsOfSecrets(draft: Draft, { status, headers, text }: WireReply, book: SecretBook): string[] {
  const problems: string[] = book.foreignIn(text).map(() => 'a password or imported key stands in a reply');
  const credential = draft.caller.credential ?? '';
  const path = pathOf(targetOf(draft));
  for (const secret of secretsIn([text, ...headers.values()].join('\n'))) {
    if (isDecoy(secret)) continue;
    const isReplay = headers.get('idempotency-replayed') === 'true' && book.holderOf(secret) === credential;
    const holder = book.holderOf(secret);
    if (mayShowAgain(draft, path, secret, holder)) continue;
    const makes = draft.method === 'POST' || (draft.method === 'PUT' && path.startsWith('/oauth/register/'));
    if (book.knows(secret) && !isReplay) problems.push('a secret that was given to somebody before');
    else if (makes && status < 300) book.enter(secret, draft.holder ?? credential);
    else if (!isReplay) problems.push('a secret in a reply that makes none');
  }
  return problems;
}

/** What every person may do, whatever their role: with the own account, and make a workspace. */
const OF_ONESELF = /^\/v\d\/(?:account\/|account$|workspaces$)/;

function problemsOfSuccess(draft: Draft, reply: WireReply, operation: Operation | undefined, json: unknown): string[] {
  const { status, headers } = reply;
  const { method, caller } = draft;
  if (method === 'OPTIONS' && status === 204 && operation === undefined) return [];
  if (operation === undefined) return [`status ${status} at a path that the document does not have`];
  const problems: string[] = [];
  if (!operation.isPublic && caller.isDead && !OPEN_TO_PEERS.includes(operation.template))
    problems.push('let in without a valid credential');
  const changes = !['GET', 'HEAD', 'OPTIONS'].includes(method) && operation.tag !== 'auth';
  const isOwn = caller.isPerson === true && OF_ONESELF.test(operation.template);
  if (changes && caller.readsOnly && !operation.isPublic && !isOwn)
    problems.push('a credential that may only read was let write');
  if (!operation.replies.has(status)) return [...problems, `a status that the document does not have: ${status}`];
  const validate = operation.replies.get(status);
  if (!validate || method === 'HEAD' || status === 204) return problems;
  if (headers.get('content-type') !== 'application/json; charset=utf-8')
    problems.push(`JSON as ${headers.get('content-type')}`);
  if (!validate(json)) {
    const [first] = validate.errors ?? [];
    problems.push(`not as documented: ${first?.instancePath} ${first?.message} ${JSON.stringify(first?.params)}`);
  }
  return problems;
}

/** A caller of another workspace has no business to read its texts. */
function mayKnow({ workspaceId, name }: Caller, otherWorkspace: string): boolean {
  return workspaceId === otherWorkspace || name === 'root';
}

/** Whether the account's own routes set a cookie for whoever came by one. */
function renewsCookie({ caller }: Draft, path: string): boolean {
  return caller.cookie !== undefined && /^\/v\d\/account\//.test(path);
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Says of a reply what it should not be. */
export function createOracle({
  find,
  isPage,
  world,
  book,
}: OracleOptions): (draft: Draft, reply: WireReply) => Verdict {
  /** A question before a call (CORS) and a wrong method are answered for the path. */
  const anyOf = (path: string) => METHODS.map((method) => find(method, path)).find((each) => each !== undefined);
  return (draft, reply) => {
    const { status, headers, text } = reply;
    const path = pathOf(targetOf(draft));
    const operation = find(draft.method, path);
    const isHead = draft.method === 'HEAD';
    const isPagePath = isPage(path);
    const isPublic = isPagePath || renewsCookie(draft, path) || ((operation ?? anyOf(path))?.isPublic ?? false);
    const json = text === '' || isHtml(reply) ? undefined : parsed(text);
    // Any page may read it that has the token: it takes no cookie. Documents of discovery stand under any path.
    const isForPages = isPublic || path === '/oauth/userinfo' || path.startsWith('/.well-known/');
    const problems = problemsOfHeaders(reply, isPublic, isForPages);
    const sentId = headerOf(draft, 'x-request-id');
    const answersIt = headers.get('connection') !== 'close';
    if (answersIt && sentId?.startsWith('fuzz-') && headers.get('x-request-id') !== sentId) {
      problems.push('X-Request-ID is not the one that was sent');
    }
    if (isHead && text !== '') problems.push('HEAD with a body');
    const isSeen = mayKnow(draft.caller, world.otherWorkspace) || OPEN_TO_PEERS.includes(path);
    if (!isSeen && text.includes(world.marker)) {
      problems.push('reads what another workspace wrote');
    }
    if (isHtml(reply) && mayBePage(draft, path, { isPagePath, status }))
      problems.push(...problemsOfPage(reply, isOauthPage(path)));
    else if (status >= 400) {
      // What node:http could not read never got as far as its path and headers.
      const shapes: ErrorShape[] = answersIt ? [shapeFor(draft)] : [shapeFor(draft), 'v2'];
      problems.push(...problemsOfError(reply, shapes, isGate(draft), isHead));
    } else if (isOauthPage(path) && status >= 300) problems.push(...problemsOfAnswer(reply));
    else if (isPagePath && status >= 300) problems.push(...problemsOfWay(reply));
    else if (status >= 300) problems.push(`status ${status}`);
    else if (!isPagePath) problems.push(...problemsOfSuccess(draft, reply, operation, json));
    problems.push(...problemsOfOauth(path, reply), ...problemsOfSecrets(draft, reply, book));
    return { problems, operation, json };
  };
}
