import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { readSecret } from '@latchkey/protocol';
import { addressGroup } from '../../address.ts';
import type { Clock } from '../../clock.ts';
import { digestsEqual, type Envelope, sha256Hex } from '../../crypto/index.ts';
import type { Database } from '../../database/index.ts';
import { Failure, OAuthFailure } from '../../failure.ts';
import { ANONYMOUS_PREFIX, type Limiter } from '../../limits/index.ts';
import { isForeignAlgorithm } from '../../remote-keys/index.ts';
import { ALGORITHMS, type AlgorithmName, verifyCompactJws } from '../../signing-keys/index.ts';
import { LEEWAY_SECONDS } from '../../tokens/index.ts';
import type { Application, ClientAuthMethod } from '../application.ts';
import type { Applications, ClientRecord, KnownSecret } from '../directory.ts';
import type { SecretUsage } from '../secret-usage.ts';
import { secretContext } from '../secrets.ts';
import { useClientAssertion } from '../store.ts';
import { AssertionProblem, type ClientAssertion, readAssertion } from './assertion.ts';
import { type ClientKeysDeps, keyOfClient } from './client-keys.ts';
import { type ClientRequest, invalidClient, type Presented, presentedClient } from './presented.ts';

/** A client that has proved who it is. */
export interface AuthenticatedClient {
  application: Application;
  method: ClientAuthMethod;
  /** The secret that it proved itself with, or signed with; null for a key of its own, and for none. */
  secretId: string | null;
}

export interface ClientAuthDeps extends ClientKeysDeps {
  database: Database;
  clock: Clock;
  applications: Applications;
  envelope: Envelope;
  usage: SecretUsage;
  /** Counts wrong proofs, and key sets that are read for strangers; never open. */
  guesses: Limiter;
  /** When a backup was put back: assertions that may be older could have been used. Null: never. */
  restoredAtMs: number | null;
  issuer(): string;
  /** Why an assertion was refused, for the log: what a stranger is not told is in it too. */
  onAssertionRefused(refused: { reason: string; client_id: string | null }): void;
}

export type AuthenticateClient = (request: ClientRequest) => Promise<AuthenticatedClient>;

/** How many wrong proofs of one client an hour from one network. Right ones are never counted, and never refused. */
export const WRONG_PROOFS_PER_HOUR = 30;
/** How many of all clients together that there are none of: what is made up each time takes no place of its own. */
export const UNKNOWN_CLIENTS_PER_HOUR = 1000;

type Proof = Omit<AuthenticatedClient, 'application'>;

const liveAt = (secrets: readonly KnownSecret[], nowMs: number) =>
  secrets.filter(({ expiresAtMs }) => expiresAtMs === null || expiresAtMs > nowMs);

/** Looks at all of them, whichever fits, and at one where there is none: how long it takes says nothing (CWE-208). */
function fittingSecret(secrets: readonly KnownSecret[], text: string): KnownSecret | null {
  const hash = sha256Hex(text);
  let found: KnownSecret | null = null;
  for (const each of secrets) if (digestsEqual(each.hash, hash)) found = each;
  if (secrets.length === 0) digestsEqual(hash, hash);
  return found;
}

function proveBySecret(
  { clock }: ClientAuthDeps,
  record: ClientRecord | null,
  { method, secret }: Extract<Presented, { kind: 'secret' }>,
): Proof | null {
  const isOurs = readSecret(secret) === 'client_secret';
  const found = fittingSecret(liveAt(record?.secrets ?? [], clock.nowMs()), isOurs ? secret : '');
  const registered = record?.application.authMethod;
  if (!found || (registered !== null && registered !== method)) return null;
  return { method, secretId: found.id };
}

/** The secret that an assertion was signed with (HMAC key: UTF-8 of the secret as it was shown). */
function signingSecret(deps: ClientAuthDeps, { secrets }: ClientRecord, { jws }: ClientAssertion): KnownSecret | null {
  let found: KnownSecret | null = null;
  for (const each of liveAt(secrets, deps.clock.nowMs())) {
    if (each.sealed === null) continue;
    const text = deps.envelope.unseal(each.sealed, secretContext(each.id));
    const mac = createHmac('sha256', text).update(jws.signingInput).digest();
    if (mac.length === jws.signature.length && timingSafeEqual(mac, jws.signature)) found = each;
  }
  return found;
}

/** Our own algorithms by our own code; of the others, keys that clients may have all the same. */
async function isSignedUnder(key: KeyObject, { text, jws, alg }: ClientAssertion): Promise<boolean> {
  if (Object.hasOwn(ALGORITHMS, alg)) return verifyCompactJws(jws, ALGORITHMS[alg as AlgorithmName], key);
  const { compactVerify } = await import('jose');
  return compactVerify(text, key, { algorithms: [alg] }).then(
    () => true,
    () => false,
  );
}

/** Why the keys of the client do not vouch for it; null when they do. */
async function problemOfKey(
  deps: ClientAuthDeps,
  { application }: ClientRecord,
  assertion: ClientAssertion,
  address: string,
): Promise<string | null> {
  const { alg, kid } = assertion;
  if (!isForeignAlgorithm(alg)) return 'alg';
  const key = await keyOfClient(deps, application, { kid, alg }, address);
  if (key === null) return 'unknown_key';
  return (await isSignedUnder(key, assertion)) ? null : 'signature';
}

/** One use each, whichever process sees it first (security C6): kept until nobody would believe it any more. */
function isFirstUse(deps: ClientAuthDeps, { clientId, jti, expSeconds }: ClientAssertion): Promise<boolean> {
  const expires_at = Math.ceil(expSeconds + LEEWAY_SECONDS) * 1000;
  const row = { client_id: clientId, jti_hash: sha256Hex(jti), expires_at };
  return deps.database.write((tx) => useClientAssertion(tx, row));
}

/** The registered method says which algorithm, never the assertion: HS256 under a public key proves nothing (C8). */
async function proveByAssertion(
  deps: ClientAuthDeps,
  record: ClientRecord,
  assertion: ClientAssertion,
  address: string,
): Promise<Proof | { refused: string }> {
  const method = record.application.authMethod;
  let secretId: string | null = null;
  if (method === 'client_secret_jwt') {
    if (assertion.alg !== 'HS256') return { refused: 'alg' };
    const secret = signingSecret(deps, record, assertion);
    if (!secret) return { refused: 'signature' };
    secretId = secret.id;
  } else if (method === 'private_key_jwt') {
    const refused = await problemOfKey(deps, record, assertion, address);
    if (refused !== null) return { refused };
  } else return { refused: 'method' };
  return (await isFirstUse(deps, assertion)) ? { method, secretId } : { refused: 'replayed' };
}

/**
 * What is wrong costs the network that it came from, for this client alone: a flood is told to wait, and the real client
 * goes on, behind the same address too. That tells nobody anything: a secret has 238 random bits, and nothing to guess.
 * `clientId` null: there is none of that name. Anybody makes up any number of names, so those count together: the places
 * where attempts are counted are few, and people's sign-ins need them too.
 */
async function pay({ guesses, clock }: ClientAuthDeps, clientId: string | null, address: string): Promise<void> {
  const client = clientId === null ? 'unknown' : sha256Hex(clientId).slice(0, 32);
  const perHour = clientId === null ? UNKNOWN_CLIENTS_PER_HOUR : WRONG_PROOFS_PER_HOUR;
  const bucket = `${ANONYMOUS_PREFIX}guess:client:${client}:${addressGroup(address)}`;
  const spending = await guesses.spend(bucket, { perHour, perSecond: null }, 1);
  if (spending.allowed) return;
  const retryAfterSeconds = Math.max(1, Math.ceil((spending.hourResetAtMs - clock.nowMs()) / 1000));
  throw new Failure('rate_limit_exceeded', 'Too many wrong attempts for this client. Try again later.', {
    retryAfterSeconds,
  });
}

interface Outcome {
  /** For whoever counts wrong proofs. */
  clientId: string;
  record: ClientRecord | null;
  proof: Proof | null;
  /** What may be told of an assertion: it stands in its text, and says nothing of any client. */
  description?: string;
}

async function proveAssertion(
  deps: ClientAuthDeps,
  presented: Extract<Presented, { kind: 'assertion' }>,
  address: string,
): Promise<Outcome> {
  const { restoredAtMs, clock } = deps;
  const when = { issuer: deps.issuer(), nowMs: clock.nowMs(), restoredAtMs };
  const assertion = readAssertion(presented.assertion, when);
  if (assertion instanceof AssertionProblem) {
    const { reason, description } = assertion;
    deps.onAssertionRefused({ reason, client_id: null });
    return { clientId: presented.clientId ?? '', record: null, proof: null, description };
  }
  const { clientId } = assertion;
  const isNamed = (presented.clientId ?? clientId) === clientId;
  const record = isNamed ? await deps.applications.record(clientId, address) : null;
  if (!record) {
    deps.onAssertionRefused({ reason: isNamed ? 'unknown_client' : 'other_client_id', client_id: null });
    return { clientId, record: null, proof: null };
  }
  const proof = await proveByAssertion(deps, record, assertion, address).catch(async (error: unknown) => {
    // Keys that cannot be read prove nothing: that costs as a wrong proof does.
    if (error instanceof Failure && error.code === 'unavailable') await pay(deps, clientId, address);
    throw error;
  });
  if (!('refused' in proof)) return { clientId, record, proof };
  deps.onAssertionRefused({ reason: proof.refused, client_id: record.application.id });
  return { clientId, record, proof: null };
}

async function prove(deps: ClientAuthDeps, presented: Presented, address: string): Promise<Outcome> {
  if (presented.kind === 'assertion') return proveAssertion(deps, presented, address);
  const { clientId } = presented;
  const record = await deps.applications.record(clientId, address);
  if (presented.kind === 'secret') return { clientId, record, proof: proveBySecret(deps, record, presented) };
  const isPublic = record?.application.authMethod === 'none';
  return { clientId, record, proof: isPublic ? { method: 'none', secretId: null } : null };
}

/**
 * Who the client of a request is (RFC 6749 §2.3, RFC 7523 §3). Throws `invalid_client` (401, with a challenge) for who
 * does not prove it, in the registered way; `invalid_request` for who tries in two ways; `rate_limit_exceeded` for who
 * goes on trying; `unavailable` while the keys of a `jwks_uri` cannot be read.
 */
export function createAuthenticateClient(deps: ClientAuthDeps): AuthenticateClient {
  return async (request) => {
    const { clientId, record, proof, description } = await prove(deps, presentedClient(request), request.address);
    if (!record || !proof) {
      await pay(deps, record && clientId, request.address);
      throw description === undefined ? invalidClient() : new OAuthFailure('invalid_client', description);
    }
    if (record.application.isDisabled) throw new OAuthFailure('invalid_client', 'The application is disabled.');
    if (proof.secretId !== null) deps.usage.touch(proof.secretId);
    return { application: record.application, ...proof };
  };
}
