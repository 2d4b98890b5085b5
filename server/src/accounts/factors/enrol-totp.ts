import { Failure } from '../../failure.ts';
import { knownDeviceOf } from '../guessing/known-device.ts';
import { pageLink } from '../mail/links.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { addMethod, requireRecentProof } from '../sessions/recent-proof.ts';
import { requirePerson } from '../users/require-person.ts';
import { forgetLastCodes, freshBackupCodes } from './backup-codes.ts';
import { factorsChanged } from './factors-changed.ts';
import { confirmTotp, deleteTotp, offerTotp, totpOf } from './store.ts';
import { newTotpSecret, OTP_FORM, stepOfCode, totpContext, totpUri } from './totp.ts';

export interface OfferedTotp {
  /** Base32, shown here and never again. */
  secret: string;
  uri: string;
  /** The same as a picture, SVG. */
  qrSvg: string;
}

const HAS_ONE = 'Your account has an authenticator app already. Remove it first.';

async function qrOf(uri: string): Promise<string> {
  const { toString: draw } = await import('qrcode');
  return draw(uri, { type: 'svg', margin: 2, errorCorrectionLevel: 'M' });
}

/** Makes a secret for an authenticator app. It counts once a first code has confirmed it. Throws `conflict`. */
export async function offerAuthenticator(people: People, signed: SignedIn): Promise<OfferedTotp> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  const secret = await newTotpSecret(people.randomBytes);
  const uri = await totpUri(secret, { issuer: new URL(people.issuer()).hostname, label: person.email });
  const qrSvg = await qrOf(uri);
  const row = {
    user_id: person.id,
    secret_sealed: people.envelope.seal(secret, totpContext(person.id)),
    last_step: 0,
    created_at: people.clock.nowMs(),
    confirmed_at: null,
  };
  if (!(await people.database.write((tx) => offerTotp(tx, row)))) throw new Failure('conflict', HAS_ONE);
  return { secret, uri, qrSvg };
}

/**
 * Turns the offered app on by one of its codes; answers with ten backup codes where there were none. Throws
 * `invalid_credentials` for a wrong code, `conflict` when nothing is offered.
 */
export async function confirmAuthenticator(
  people: People,
  visit: Visit,
  signed: SignedIn,
  { code }: { code: string },
): Promise<{ backupCodes: string[] }> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  const knownDevice = knownDeviceOf(people.deviceKey, visit.deviceCookie, person.id);
  const attempt = await people.guesses.code(person.id, knownDevice);
  const offered = await totpOf(people.database.read, person.id);
  if (!offered || offered.confirmed_at !== null) throw new Failure('conflict', 'No authenticator app is being added.');
  const digits = code.replace(/\s/g, '');
  const secret = people.envelope.unseal(offered.secret_sealed, totpContext(person.id));
  const step = OTP_FORM.test(digits) ? await stepOfCode(secret, digits, people.clock.nowMs()) : null;
  if (step === null) throw new Failure('invalid_credentials', 'The code is wrong. Is the clock of your device right?');
  const actor = personActor(visit, person.id);
  const backupCodes = await people.database.write(async (tx) => {
    if (!(await confirmTotp(tx, offered, step, people.clock.nowMs()))) throw new Failure('conflict', HAS_ONE);
    await factorsChanged(people, tx, person.id);
    await addMethod(people, tx, signed, 'otp');
    await people.recordAudit(tx, { action: 'user.totp_added', actor, workspaceId: null, targetId: person.id });
    const link = pageLink(people.issuer(), 'recover');
    await people.outbox.queue(tx, 'factor_added', person.email, { link, factor: 'an authenticator app' });
    return freshBackupCodes(people, tx, person.id);
  });
  await attempt.giveBack();
  return { backupCodes };
}

/** Takes the app away, and with the last second factor the backup codes. Throws `ProofNeeded`, `not_found`. */
export async function removeAuthenticator(people: People, visit: Visit, signed: SignedIn): Promise<void> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  await people.database.write(async (tx) => {
    if (!(await deleteTotp(tx, person.id))) throw new Failure('not_found', 'Your account has no authenticator app.');
    await forgetLastCodes(tx, person.id);
    await factorsChanged(people, tx, person.id);
    const actor = personActor(visit, person.id);
    await people.recordAudit(tx, { action: 'user.totp_removed', actor, workspaceId: null, targetId: person.id });
    const link = pageLink(people.issuer(), 'recover');
    await people.outbox.queue(tx, 'factor_removed', person.email, { link, factor: 'the authenticator app' });
  });
}
