import type { Actor, RecordAudit } from '../../audit/index.ts';
import type { Clock } from '../../clock.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import type { Database, Tx } from '../../database/index.ts';
import type { Tokens } from '../../tokens/index.ts';
import {
  type AuthorizationCode,
  CODE_TTL_MS,
  type CodeRedemption,
  challengeOf,
  codeHashOf,
  type GivenByCode,
  isCodeText,
  type PresentedCode,
  whyRefused,
} from './code.ts';
import { type CodeRow, codeByHash, deleteOldCodes, forgetGiven, insertCode, noteGiven, takeCode } from './store.ts';

/** Authorization codes: given here, redeemed at the token endpoint. */
export interface Codes {
  /** Its text, which is kept nowhere: 43 base64url letters. */
  issue(tx: Tx, code: Omit<AuthorizationCode, 'codeHash' | 'expiresAtMs'>): Promise<string>;
  /** A refusal is returned, so that what it ends is committed. */
  redeem(tx: Tx, presented: PresentedCode): Promise<CodeRedemption>;
  /** Notes in the same transaction what a redeemed code gave. */
  noteGiven(tx: Tx, given: GivenByCode): Promise<void>;
  prune(): Promise<void>;
}

export interface CodesDeps {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  recordAudit: RecordAudit;
  tokens: Pick<Tokens, 'revokeFamily' | 'revokeAccessToken'>;
}

/** How long a code is remembered after its end, so that its second use is noticed. */
const KEPT_MS = 5 * 60_000;
const PRUNE_STEP = 1000;

function toCode(row: CodeRow): AuthorizationCode {
  return {
    codeHash: row.code_hash,
    clientId: row.client_id,
    userId: row.user_id,
    grantId: row.grant_id,
    workspaceId: row.workspace_id,
    environment: row.environment,
    sessionId: row.session_id,
    redirectUri: row.redirect_uri,
    scopes: JSON.parse(row.scopes) as string[],
    audience: row.audience,
    codeChallenge: row.code_challenge,
    nonce: row.nonce,
    authTimeMs: row.auth_time,
    methods: JSON.parse(row.methods) as string[],
    expiresAtMs: row.expires_at,
  };
}

function toRow(code: Omit<AuthorizationCode, 'codeHash' | 'expiresAtMs'>, codeHash: string, nowMs: number): CodeRow {
  return {
    code_hash: codeHash,
    client_id: code.clientId,
    user_id: code.userId,
    grant_id: code.grantId,
    workspace_id: code.workspaceId,
    environment: code.environment,
    session_id: code.sessionId,
    redirect_uri: code.redirectUri,
    scopes: JSON.stringify(code.scopes),
    audience: code.audience,
    code_challenge: code.codeChallenge,
    nonce: code.nonce,
    auth_time: code.authTimeMs,
    methods: JSON.stringify(code.methods),
    expires_at: nowMs + CODE_TTL_MS,
    used_at: null,
    family_id: null,
    access_token_id: null,
    access_token_expires_at: null,
  };
}

/** What a code gave ends at its second use: somebody else has had it (RFC 6749 §4.1.2, security C11). */
async function endGiven({ tokens, recordAudit }: CodesDeps, tx: Tx, actor: Actor, row: CodeRow): Promise<void> {
  // Of many who find out at once, one ends it and tells.
  if (!(await forgetGiven(tx, row.code_hash))) return;
  const { family_id: family, access_token_id: jti, access_token_expires_at: expiresAtMs } = row;
  if (family !== null) await tokens.revokeFamily(tx, { family: { id: family }, reason: 'code used twice', actor });
  else if (jti !== null && expiresAtMs !== null) {
    const { client_id, user_id: sub, workspace_id, environment } = row;
    const claims = { jti, exp: Math.ceil(expiresAtMs / 1000), client_id, sub, workspace_id, environment };
    await tokens.revokeAccessToken(tx, { claims, actor });
  }
  await recordAudit(tx, {
    action: 'authorization_code.reused',
    actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: row.grant_id,
    data: { client_id: row.client_id, user_id: row.user_id, family_id: family },
  });
}

async function redeem(deps: CodesDeps, tx: Tx, presented: PresentedCode): Promise<CodeRedemption> {
  const { text, clientId, redirectUri, verifier } = presented;
  const refused = (reason: Exclude<CodeRedemption, { outcome: 'redeemed' }>['reason']): CodeRedemption => ({
    outcome: 'refused',
    reason,
  });
  if (!isCodeText(text)) return refused('unknown');
  const codeHash = codeHashOf(text);
  // What is no verifier is one that fits nothing, also not a code without a challenge (security C16).
  const challenge = verifier === null ? null : (challengeOf(verifier) ?? '');
  const nowMs = deps.clock.nowMs();
  const taken = await takeCode(tx, { codeHash, clientId, redirectUri, challenge }, nowMs);
  if (taken) return { outcome: 'redeemed', code: toCode(taken) };
  const row = await codeByHash(tx.query, codeHash);
  if (!row) return refused('unknown');
  const known = { ...toCode(row), isUsed: row.used_at !== null };
  const reason = whyRefused(known, { clientId, redirectUri, challenge }, nowMs);
  if (reason === 'used') await endGiven(deps, tx, presented.actor, row);
  return refused(reason);
}

export function createCodes(deps: CodesDeps): Codes {
  const { database, clock, randomBytes } = deps;
  return {
    issue: async (tx, code) => {
      const text = Buffer.from(randomBytes(32)).toString('base64url');
      await insertCode(tx.query, toRow(code, codeHashOf(text), clock.nowMs()));
      return text;
    },
    redeem: (tx, presented) => redeem(deps, tx, presented),
    noteGiven,
    prune: async () => {
      const beforeMs = clock.nowMs() - KEPT_MS;
      let removed = PRUNE_STEP;
      while (removed === PRUNE_STEP) {
        removed = await database.write((tx) => deleteOldCodes(tx, beforeMs, PRUNE_STEP));
      }
    },
  };
}
