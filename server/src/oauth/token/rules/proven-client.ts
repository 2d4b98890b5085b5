import { isConfidential, JWT_BEARER } from '../../../applications/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import { parseCompactJws, readJsonObject } from '../../../signing-keys/index.ts';
import { FIRST_PARTY_CLIENT } from '../../../tokens/index.ts';
import type { Asked, Client } from '../ask.ts';
import type { Grant } from '../grant.ts';

const NAMES = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];

function namesItself({ call: { authorization, params } }: Asked): boolean {
  return authorization !== undefined || NAMES.some((name) => params.has(name));
}

/**
 * A public client, and a login, may refresh with the token alone: it says whose it is (contract §6). A confidential one
 * may not, whoever holds its token (security C4).
 */
async function byRefreshToken({ deps, call }: Asked): Promise<Client | null> {
  const seen = await deps.tokens.lookUpRefresh(call.params.get('refresh_token') ?? '');
  if (!seen) return null;
  const { clientId } = seen.family;
  if (clientId === FIRST_PARTY_CLIENT) return { id: clientId, application: null, proof: null };
  const application = await deps.findApplication(clientId, call.address);
  if (!application || application.isDisabled || isConfidential(application)) return null;
  return { id: clientId, application, proof: null };
}

/**
 * RFC 7521 §4.1: who signs the assertion itself need not say once more who it is: its `iss` does. The grant verifies it as
 * that client's own, or refuses.
 */
async function byAssertion({ deps, call }: Asked): Promise<Client | null> {
  const jws = parseCompactJws(call.params.get('assertion') ?? '');
  const iss = jws && readJsonObject(jws.payload)?.iss;
  if (typeof iss !== 'string') return null;
  const application = await deps.findApplication(iss, call.address);
  if (!application || application.isDisabled) return null;
  return { id: application.id, application, proof: null };
}

type Unnamed = (asked: Asked) => Promise<Client | null>;

/** Grants whose own parameter says whose it is. */
const UNNAMED: Readonly<Record<string, { parameter: string; find: Unnamed }>> = {
  refresh_token: { parameter: 'refresh_token', find: byRefreshToken },
  [JWT_BEARER]: { parameter: 'assertion', find: byAssertion },
};

/** RFC 6749 §3.2.1, §6: who asks; confidential clients prove it, as they are registered to (security C2 to C8). */
export async function provenClient(asked: Asked & { grant: Grant }): Promise<{ client: Client }> {
  const { deps, call, grant } = asked;
  const unnamed = UNNAMED[grant.type];
  if (unnamed && call.params.has(unnamed.parameter) && !namesItself(asked)) {
    const client = await unnamed.find(asked);
    if (client) return { client };
    throw new OAuthFailure('invalid_client', 'Say which client this is, and prove it where it keeps a secret.');
  }
  const proof = await deps.authenticateClient(call);
  const { application } = proof;
  return { client: { id: application.id, application, proof } };
}
