import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { Failure } from '../../failure.ts';
import type { PersonRow } from '../store.ts';
import type { PasskeyRow } from './tables.ts';

export type { AuthenticationResponseJSON, RegistrationResponseJSON };
export type CreationOptions = PublicKeyCredentialCreationOptionsJSON;
export type RequestOptions = PublicKeyCredentialRequestOptionsJSON;

/** How long a person may take. */
export const PASSKEY_MS = 5 * 60_000;
/** ES256, EdDSA, RS256 (RFC 8152, RFC 8812): what authenticators have. */
const ALGORITHMS = [-7, -8, -257];

/** Loaded when the first passkey is asked for. */
const load = () => import('@simplewebauthn/server');

/** Whom passkeys are made for: the issuer's host and origin, whatever a request claims. */
function partyOf(issuer: string): { rpID: string; origin: string } {
  const { hostname, origin } = new URL(issuer);
  return { rpID: hostname, origin };
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
const handleOf = (userId: string) => new Uint8Array(Buffer.from(userId));
const allowed = (passkeys: readonly PasskeyRow[]) =>
  passkeys.map(({ credential_id: id, transports }) => ({ id, transports: JSON.parse(transports) as string[] }));

export async function creationOptions(
  issuer: string,
  person: PersonRow,
  { challenge, existing }: { challenge: string; existing: readonly PasskeyRow[] },
): Promise<CreationOptions> {
  const { generateRegistrationOptions } = await load();
  return generateRegistrationOptions({
    rpName: 'Latchkey',
    rpID: partyOf(issuer).rpID,
    userID: handleOf(person.id),
    userName: person.email,
    userDisplayName: person.name ?? person.email,
    challenge: bytesOf(challenge),
    timeout: PASSKEY_MS,
    attestationType: 'none',
    excludeCredentials: allowed(existing),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    supportedAlgorithmIDs: ALGORITHMS,
  });
}

export async function requestOptions(
  issuer: string,
  ask: { challenge: string; passkeys: readonly PasskeyRow[] | null; verifiesUser: boolean },
): Promise<RequestOptions> {
  const { generateAuthenticationOptions } = await load();
  return generateAuthenticationOptions({
    rpID: partyOf(issuer).rpID,
    challenge: bytesOf(ask.challenge),
    timeout: PASSKEY_MS,
    userVerification: ask.verifiesUser ? 'required' : 'preferred',
    ...(ask.passkeys === null ? {} : { allowCredentials: allowed(ask.passkeys) }),
  });
}

const FORM = /^[\w-]{43}$/;

/** The challenge that a response says it answers; null when it says none that could be ours. */
export function answeredChallenge({ response }: { response: { clientDataJSON: string } }): string | null {
  try {
    const data: unknown = JSON.parse(Buffer.from(response.clientDataJSON, 'base64url').toString('utf8'));
    const { challenge } = data as { challenge?: unknown };
    return typeof challenge === 'string' && FORM.test(challenge) ? challenge : null;
  } catch {
    return null;
  }
}

export function refusedPasskey(): Failure {
  return new Failure('invalid_credentials', 'The passkey was not accepted. Try again.');
}

/**
 * The same without its statement on who made the authenticator (WebAuthn §5.1.3, conveyance `none`): we ask for none, and to
 * check one is to fetch what its certificates name (security H8).
 */
async function withoutStatement(response: RegistrationResponseJSON): Promise<RegistrationResponseJSON> {
  const { decodeAttestationObject, isoCBOR } = await import('@simplewebauthn/server/helpers');
  const authData = decodeAttestationObject(bytesOf(response.response.attestationObject)).get('authData');
  const bare = isoCBOR.encode(
    new Map<string, string | Uint8Array | Map<string, string>>([
      ['fmt', 'none'],
      ['attStmt', new Map<string, string>()],
      ['authData', authData],
    ]),
  );
  const attestationObject = Buffer.from(bare).toString('base64url');
  return { ...response, response: { ...response.response, attestationObject } };
}

/** What a new passkey is, when origin, party, type, presence, verification and algorithm are right. */
export async function verifiedCreation(issuer: string, response: RegistrationResponseJSON, challenge: string) {
  const { verifyRegistrationResponse } = await load();
  const { rpID, origin } = partyOf(issuer);
  try {
    const result = await verifyRegistrationResponse({
      response: await withoutStatement(response),
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpID,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (!result.verified) throw refusedPasskey();
    const { credential, credentialBackedUp } = result.registrationInfo;
    return {
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      isBackedUp: credentialBackedUp,
    };
  } catch {
    throw refusedPasskey();
  }
}

/**
 * The signature's counter, when signature, origin, party, type, presence and (if asked) verification are right. What a
 * counter that went back means is the caller's to say.
 */
export async function verifiedAssertion(
  issuer: string,
  {
    response,
    challenge,
    passkey,
    verifiesUser,
  }: {
    response: AuthenticationResponseJSON;
    challenge: string;
    passkey: PasskeyRow;
    verifiesUser: boolean;
  },
): Promise<{ counter: number; isBackedUp: boolean }> {
  const { verifyAuthenticationResponse } = await load();
  const { rpID, origin } = partyOf(issuer);
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpID,
      credential: { id: passkey.credential_id, publicKey: bytesOf(passkey.public_key), counter: 0 },
      requireUserVerification: verifiesUser,
    });
    const { userHandle } = response.response;
    const isTheirs = userHandle == null || Buffer.from(userHandle, 'base64url').toString() === passkey.user_id;
    if (!verified || !isTheirs) throw refusedPasskey();
    return { counter: authenticationInfo.newCounter, isBackedUp: authenticationInfo.credentialBackedUp };
  } catch {
    throw refusedPasskey();
  }
}
