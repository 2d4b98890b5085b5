import { isId, readSecret } from '@latchkey/protocol';
import {
  type ApplicationRow,
  type ApplicationSettings,
  anyApplication,
  isClientSecret,
  removeApplication,
  replaceSettings,
  settingsOf,
} from '../../applications/index.ts';
import type { Actor } from '../../audit/index.ts';
import { secretsEqual, sha256Hex } from '../../crypto/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { payRegistration } from './budget.ts';
import type { EndingDeps, Registrar, RegistrationDeps } from './deps.ts';
import { type ClientMetadata, invalidMetadata, metadataIn, settingsOfMetadata } from './metadata.ts';
import type { Shown } from './present.ts';
import { deleteRegistration, registrationOf } from './store.ts';

/** A call to a registration's own address: for whom, and by whom. */
export interface OwnCall extends Registrar {
  clientId: string;
}

const BEARER = /^bearer +(\S+) *$/i;

/** One refusal for an unknown client, a foreign token and none that is one: a stranger learns nothing (security H4). */
const refused = () =>
  new Failure('invalid_token', 'Send the registration_access_token of this client as Authorization: Bearer.');

async function registrationAt(query: Tx['query'], call: OwnCall): Promise<{ row: ApplicationRow; token: string }> {
  const [, token = ''] = BEARER.exec(call.header('authorization') ?? '') ?? [];
  if (readSecret(token) !== 'registration_token' || !isId('application', call.clientId)) throw refused();
  const registration = await registrationOf(query, call.clientId);
  if (!registration || !secretsEqual(registration.token_hash, sha256Hex(token))) throw refused();
  const row = await anyApplication(query, call.clientId);
  if (!row) throw refused();
  if (row.disabled === 1) throw new Failure('forbidden', 'This application was disabled by the operator.');
  return { row, token };
}

const ownActor = ({ clientId, requestId, address }: OwnCall): Actor => ({
  kind: 'application',
  id: clientId,
  requestId,
  address,
});

/** RFC 7592 §2.1. Its secret is known to nobody but the client. Throws `invalid_token`, `forbidden`. */
export async function readRegistration({ database }: RegistrationDeps, call: OwnCall): Promise<Shown> {
  const { row, token } = await registrationAt(database.read, call);
  return { row, clientSecret: null, registrationToken: token };
}

const OURS = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
] as const;

/** RFC 7592 §2.2: the whole metadata with its `client_id`, and none of what the server sets. */
function checkOwn(metadata: ClientMetadata, clientId: string): void {
  if (metadata.client_id !== clientId) throw invalidMetadata('client_id must be the one of this registration.');
  const ours = OURS.find((name) => metadata[name] !== undefined);
  if (ours !== undefined) throw invalidMetadata(`${ours} is set by the server: leave it out (RFC 7592 §2.2).`);
}

/** What no metadata names stays as it is: where the operator has tied a client down, it does not free itself. */
function keptOf(before: ApplicationSettings, wanted: ApplicationSettings): ApplicationSettings {
  const { plan, limits, resources, accessTokenTtlSeconds, refreshTokens } = before;
  return {
    ...wanted,
    ...{ plan, limits, resources, accessTokenTtlSeconds, refreshTokens },
    requirePkce: before.requirePkce || wanted.requirePkce,
    rotatesRefreshTokens: before.rotatesRefreshTokens || wanted.rotatesRefreshTokens,
  };
}

/** RFC 7592 §2.2: puts other metadata in the place of all that was registered; counted as a registration is. */
export async function replaceRegistration(deps: RegistrationDeps, call: OwnCall, body: unknown): Promise<Shown> {
  await payRegistration(deps, call.address);
  const shown = await deps.database.write(async (tx) => {
    const { row: before, token } = await registrationAt(tx.query, call);
    const metadata = metadataIn(body);
    checkOwn(metadata, call.clientId);
    await checkSecret(tx, call, metadata);
    const wanted = settingsOfMetadata(metadata, { ...deps, environment: before.environment });
    const settings = keptOf(settingsOf(before), wanted);
    const { row, secret } = await replaceSettings(deps, tx, ownActor(call), { id: before.id, settings });
    return { row, clientSecret: secret?.text ?? null, registrationToken: token };
  });
  await deps.prepareKey(settingsOf(shown.row).idTokenAlgorithm);
  return shown;
}

/** RFC 7592 §2.2: a secret may be repeated, never chosen. */
async function checkSecret(tx: Tx, { clientId }: OwnCall, metadata: ClientMetadata): Promise<void> {
  const { client_secret: secret } = metadata;
  if (secret === undefined) return;
  if (typeof secret === 'string' && (await isClientSecret(tx, clientId, secret))) return;
  throw invalidMetadata('client_secret must be the one that the client has, or be left out.');
}

/** RFC 7592 §2.3: takes the client away with all that it was given. */
export async function removeRegistration(deps: RegistrationDeps, call: OwnCall): Promise<void> {
  await deps.database.write(async (tx) => {
    await registrationAt(tx.query, call);
    await endRegistration(deps, tx, ownActor(call), call.clientId);
  });
}

/** Ends a registration and its application, whoever does it. False when it had ended. */
export async function endRegistration(deps: EndingDeps, tx: Tx, actor: Actor, id: string): Promise<boolean> {
  if (!(await deleteRegistration(tx, id))) return false;
  // The operator may have taken the application away before.
  if ((await anyApplication(tx.query, id)) !== undefined) {
    await removeApplication(deps, tx, actor, { reach: { workspaceId: null, environment: null }, id });
  }
  return true;
}
