import type { Tx } from '../../database/index.ts';
import { pageLink } from '../mail/links.ts';
import { type People, personActor, type Visit } from '../people.ts';
import type { PersonRow } from '../store.ts';
import { backupCodeHash } from './backup-code.ts';
import { acceptStep, countBackupCodes, totpOf, useBackupCode } from './store.ts';
import { OTP_FORM, stepOfCode, totpContext } from './totp.ts';

/** A code that fits and is not spent yet. */
export type FittingCode = { method: 'otp'; step: number } | { method: 'backup_code'; hash: string };

async function fittingStep(
  { database, envelope, clock }: People,
  userId: string,
  code: string,
): Promise<number | null> {
  const row = await totpOf(database.read, userId);
  if (!row || row.confirmed_at === null) return null;
  return stepOfCode(envelope.unseal(row.secret_sealed, totpContext(userId)), code, clock.nowMs());
}

/** Reads a one-time password or a backup code, by its form; null when it cannot be the person's. */
export async function readCode(people: People, person: PersonRow, text: string): Promise<FittingCode | null> {
  const code = text.replace(/[\s-]/g, '');
  if (OTP_FORM.test(code)) {
    const step = await fittingStep(people, person.id, code);
    return step === null ? null : { method: 'otp', step };
  }
  const hash = backupCodeHash(person.id, code);
  return hash === null ? null : { method: 'backup_code', hash };
}

async function spendBackupCode(
  people: People,
  tx: Tx,
  visit: Visit,
  person: PersonRow,
  hash: string,
): Promise<boolean> {
  if (!(await useBackupCode(tx, person.id, hash, people.clock.nowMs()))) return false;
  const left = await countBackupCodes(tx.query, person.id);
  const link = pageLink(people.issuer(), 'recover');
  await people.outbox.queue(tx, 'backup_code_used', person.email, { link, left });
  const actor = personActor(visit, person.id);
  const data = { left };
  await people.recordAudit(tx, {
    action: 'user.backup_code_used',
    actor,
    workspaceId: null,
    targetId: person.id,
    data,
  });
  return true;
}

/** Spends a code in the caller's transaction: of parallel calls with one code, one wins. */
export function spendCode(
  people: People,
  tx: Tx,
  visit: Visit,
  person: PersonRow,
  code: FittingCode,
): Promise<boolean> {
  if (code.method === 'otp') return acceptStep(tx, person.id, code.step);
  return spendBackupCode(people, tx, visit, person, code.hash);
}
