import { makeId } from '@latchkey/protocol';
import { UniqueViolation } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { pageLink } from '../mail/links.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { addMethod, requireRecentProof } from '../sessions/recent-proof.ts';
import { requirePerson } from '../users/require-person.ts';
import { forgetLastCodes, freshBackupCodes } from './backup-codes.ts';
import { challengeHash, issueChallenge } from './challenges.ts';
import { factorsChanged } from './factors-changed.ts';
import { consumeChallenge, deletePasskey, insertPasskey, passkeysOf, updatePasskey } from './store.ts';
import type { PasskeyRow } from './tables.ts';
import {
  answeredChallenge,
  type CreationOptions,
  creationOptions,
  PASSKEY_MS,
  type RegistrationResponseJSON,
  refusedPasskey,
  verifiedCreation,
} from './webauthn.ts';

const MOST_PASSKEYS = 20;

/** What the browser needs to make a passkey; the answer is taken from this session alone. Throws `ProofNeeded`. */
export async function offerPasskey(people: People, signed: SignedIn): Promise<CreationOptions> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  const existing = await passkeysOf(people.database.read, person.id);
  if (existing.length >= MOST_PASSKEYS)
    throw new Failure('conflict', 'Your account has 20 passkeys. Remove one first.');
  const challenge = await people.database.write((tx) =>
    issueChallenge(people, tx, {
      kind: 'passkey_registration',
      userId: person.id,
      boundTo: signed.sessionId,
      expiresAtMs: people.clock.nowMs() + PASSKEY_MS,
    }),
  );
  return creationOptions(people.issuer(), person, { challenge, existing });
}

export interface NewPasskey {
  response: RegistrationResponseJSON;
  name: string;
}

/**
 * Keeps a passkey that the browser made; with the first second factor ten backup codes. Throws `invalid_credentials`,
 * `conflict` for one that is known already.
 */
export async function addPasskey(
  people: People,
  visit: Visit,
  signed: SignedIn,
  { response, name }: NewPasskey,
): Promise<{ passkey: PasskeyRow; backupCodes: string[] }> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  const { database, clock, randomBytes } = people;
  const challenge = answeredChallenge(response);
  const hash = challengeHash('passkey_registration', challenge ?? '');
  const open = await database.write((tx) => consumeChallenge(tx, 'passkey_registration', hash, clock.nowMs()));
  if (!challenge || open?.user_id !== person.id || open.bound_to !== signed.sessionId) throw refusedPasskey();
  const made = await verifiedCreation(people.issuer(), response, challenge);
  const nowMs = clock.nowMs();
  const passkey: PasskeyRow = {
    id: makeId('passkey', nowMs, randomBytes),
    user_id: person.id,
    credential_id: made.credentialId,
    public_key: made.publicKey,
    counter: made.counter,
    transports: JSON.stringify((response.response.transports ?? []).slice(0, 8)),
    name,
    backed_up: made.isBackedUp ? 1 : 0,
    created_at: nowMs,
    last_used_at: null,
    flagged_at: null,
  };
  try {
    const backupCodes = await database.write(async (tx) => {
      await insertPasskey(tx, passkey);
      await factorsChanged(people, tx, person.id);
      await addMethod(people, tx, signed, 'passkey');
      const actor = personActor(visit, person.id);
      const data = { passkey: passkey.id, name };
      await people.recordAudit(tx, {
        action: 'user.passkey_added',
        actor,
        workspaceId: null,
        targetId: person.id,
        data,
      });
      const link = pageLink(people.issuer(), 'recover');
      await people.outbox.queue(tx, 'factor_added', person.email, { link, factor: `the passkey "${name}"` });
      return freshBackupCodes(people, tx, person.id);
    });
    return { passkey, backupCodes };
  } catch (error) {
    if (error instanceof UniqueViolation) throw new Failure('conflict', 'This passkey is known already.');
    throw error;
  }
}

/** Throws `not_found` for a passkey of somebody else. */
export async function renamePasskey(
  people: People,
  { userId }: SignedIn,
  { id, name }: { id: string; name: string },
): Promise<PasskeyRow> {
  const row = await people.database.write((tx) => updatePasskey(tx, { userId, id }, { name }));
  if (!row) throw new Failure('not_found');
  return row;
}

/** Takes a passkey away, and with the last second factor the backup codes. Throws `ProofNeeded`, `not_found`. */
export async function removePasskey(people: People, visit: Visit, signed: SignedIn, id: string): Promise<void> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  await people.database.write(async (tx) => {
    const row = await deletePasskey(tx, person.id, id);
    if (!row) throw new Failure('not_found');
    await forgetLastCodes(tx, person.id);
    await factorsChanged(people, tx, person.id);
    const actor = personActor(visit, person.id);
    const data = { passkey: id, name: row.name };
    await people.recordAudit(tx, {
      action: 'user.passkey_removed',
      actor,
      workspaceId: null,
      targetId: person.id,
      data,
    });
    const link = pageLink(people.issuer(), 'recover');
    await people.outbox.queue(tx, 'factor_removed', person.email, { link, factor: `the passkey "${row.name}"` });
  });
}
