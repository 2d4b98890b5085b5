import { parseCompactJws, readJsonObject, type SigningKeys, verifyCompactJws } from '../../signing-keys/index.ts';

/** `typ` of an ID token: an access token is `at+jwt`, and neither passes for the other. */
const ID_TOKEN_TYPE = 'JWT';

/** What an ID token of ours said of whom, to whom. */
export interface IdTokenHint {
  userId: string;
  clientId: string;
  /** The session that it was given in. */
  sessionId: string | null;
}

export interface HintDeps {
  signingKeys: Pick<SigningKeys, 'current'>;
  issuer(): string;
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/**
 * Reads an ID token that an application kept (OpenID Connect Core §3.1.2.1, RP-Initiated Logout §2). An expired one will do:
 * it says who is meant, and lets nobody in. Null for anything that we have not signed as an ID token.
 */
export function readIdTokenHint({ signingKeys, issuer }: HintDeps, text: string): IdTokenHint | null {
  const jws = parseCompactJws(text);
  if (!jws || jws.header.typ !== ID_TOKEN_TYPE || typeof jws.header.kid !== 'string') return null;
  const key = signingKeys.current().verifiers.get(jws.header.kid);
  if (!key || key.isRevoked || key.algorithm.name !== jws.header.alg) return null;
  if (!verifyCompactJws(jws, key.algorithm, key.publicKey)) return null;
  const claims = readJsonObject(jws.payload);
  if (!claims || claims.iss !== issuer() || !isText(claims.sub) || !isText(claims.aud)) return null;
  return { userId: claims.sub, clientId: claims.aud, sessionId: isText(claims.sid) ? claims.sid : null };
}
