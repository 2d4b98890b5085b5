import { mintSecret } from '@latchkey/protocol';
import { createApplication } from '../../applications/index.ts';
import { type Actor, systemActor } from '../../audit/index.ts';
import { sha256Hex } from '../../crypto/index.ts';
import { Failure, OAuthFailure } from '../../failure.ts';
import { makerOf, type Principal } from '../../http/index.ts';
import { UNLIMITED } from '../../limits/index.ts';
import { payRegistration } from './budget.ts';
import type { Registrar, RegistrationDeps } from './deps.ts';
import { makeRoom, registrationsBeyond } from './make-room.ts';
import { metadataIn, settingsOfMetadata } from './metadata.ts';
import type { Shown } from './present.ts';
import { insertRegistration } from './store.ts';

/** Who registers: in `open` mode nobody in particular; what is presented counts, and must be right (security H1, H5). */
async function registrarOf(deps: RegistrationDeps, call: Registrar): Promise<Principal | null> {
  const isNamed = call.header('authorization') !== undefined || call.header('x-api-key') !== undefined;
  return deps.mode === 'open' && !isNamed ? null : deps.enter(call);
}

export function actorBehind({ requestId, address }: Registrar, principal: Principal | null): Actor {
  if (principal === null) return { ...systemActor, requestId, address };
  const kind = principal.kind === 'session' ? 'user' : principal.kind;
  return { kind, id: makerOf(principal), requestId, address };
}

async function register(deps: RegistrationDeps, call: Registrar, body: unknown): Promise<Shown> {
  const principal = await registrarOf(deps, call);
  const environment = principal?.environment ?? deps.environment;
  const settings = settingsOfMetadata(metadataIn(body), { ...deps, environment });
  await payRegistration(deps, call.address);
  const beyond = await registrationsBeyond(deps);
  const registrationToken = mintSecret('registration_token', deps.randomBytes);
  const actor = actorBehind(call, principal);
  const made = await deps.database.write(async (tx) => {
    if (principal) await deps.holdGrantor(tx, principal);
    await makeRoom(deps, tx, beyond);
    const { row, secret } = await createApplication(deps, tx, {
      workspaceId: null,
      settings,
      grantor: null,
      actor,
      limits: UNLIMITED,
    });
    const token_hash = sha256Hex(registrationToken);
    await insertRegistration(tx, { client_id: row.id, token_hash, created_at: row.created_at });
    return { row, clientSecret: secret?.text ?? null };
  });
  await deps.prepareKey(settings.idTokenAlgorithm);
  return { ...made, registrationToken };
}

/** Registers a client by its own word (RFC 7591 §3). Throws as the door, the rules of metadata and the budget do. */
export async function registerClient(deps: RegistrationDeps, call: Registrar, body: unknown): Promise<Shown> {
  try {
    const shown = await register(deps, call, body);
    deps.onRegistered({ outcome: 'registered' });
    return shown;
  } catch (error) {
    const code = error instanceof Failure ? error.code : 'internal_error';
    deps.onRegistered({ outcome: error instanceof OAuthFailure ? error.error : code });
    throw error;
  }
}
