import { sha256Hex } from '../../crypto/index.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { AuthorizationRequest } from './request.ts';
import { deleteOldRequests, insertRequest, type RequestName, requestByName } from './store.ts';

/** How long a request waits while somebody signs in and decides. */
export const REQUEST_TTL_MS = 3_600_000;
const PRUNE_STEP = 1000;

/** A request that waits on the server, as its browser knows it. */
export interface StoredRequest {
  name: RequestName;
  request: AuthorizationRequest;
  /** Who was signed in when it began. */
  sessionId: string | null;
  createdAtMs: number;
  accountId: string | null;
  workspaceId: string | null;
}

const TEXT = /^[\w-]{43}$/;
const BROWSER = /^[\w-]{22}$/;

export const isBrowserText = (text: string | null): text is string => text !== null && BROWSER.test(text);

/** Null when these cannot be texts of ours. */
function nameOf(text: string, browser: string | null): RequestName | null {
  if (!TEXT.test(text) || !isBrowserText(browser)) return null;
  return {
    idHash: sha256Hex(`authorization_request ${text}`),
    browserHash: sha256Hex(`authorizing_browser ${browser}`),
  };
}

/**
 * Keeps a request on the server, so that nothing of it can be changed on the way (security A14). Its text goes into URLs;
 * it opens nothing without the cookie of the browser that it was made in.
 */
export async function storeRequest(
  { database, clock, randomBytes }: AuthorizeDeps,
  request: AuthorizationRequest,
  { browser: knownBrowser, sessionId }: { browser: string | null; sessionId: string | null },
): Promise<{ text: string; browser: string }> {
  const random = (bytes: number) => Buffer.from(randomBytes(bytes)).toString('base64url');
  const text = random(32);
  const browser = isBrowserText(knownBrowser) ? knownBrowser : random(16);
  const name = nameOf(text, browser);
  if (!name) throw new Error('a request was named that none is called');
  const nowMs = clock.nowMs();
  await database.write((tx) =>
    insertRequest(tx, {
      id_hash: name.idHash,
      browser_hash: name.browserHash,
      request: JSON.stringify(request),
      session_id: sessionId,
      workspace_id: null,
      account_id: null,
      created_at: nowMs,
      expires_at: nowMs + REQUEST_TTL_MS,
    }),
  );
  return { text, browser };
}

/** Null when it was answered, is too old, or was made in another browser. */
export async function findRequest(
  { database, clock }: AuthorizeDeps,
  text: string,
  browser: string | null,
): Promise<StoredRequest | null> {
  const name = nameOf(text, browser);
  const row = name && (await requestByName(database.read, name, clock.nowMs()));
  if (!name || !row) return null;
  return {
    name,
    request: JSON.parse(row.request) as AuthorizationRequest,
    sessionId: row.session_id,
    createdAtMs: row.created_at,
    accountId: row.account_id,
    workspaceId: row.workspace_id,
  };
}

export async function pruneRequests({ database, clock }: AuthorizeDeps): Promise<void> {
  let removed = PRUNE_STEP;
  while (removed === PRUNE_STEP) {
    removed = await database.write((tx) => deleteOldRequests(tx, clock.nowMs(), PRUNE_STEP));
  }
}
