import { sha256Hex } from '../../crypto/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { type People, randomToken } from '../people.ts';
import { consumeMailToken, insertMailToken } from './store.ts';
import type { MailTokenKind, MailTokenRow } from './tables.ts';

const HOUR_MS = 3_600_000;
const LIVES_MS: Record<MailTokenKind, number> = {
  sign_up: 24 * HOUR_MS,
  recover: HOUR_MS,
  verify_email: 24 * HOUR_MS,
  change_email: 24 * HOUR_MS,
};

/** One of a kind is none of another (security C17). */
export function mailTokenHash(kind: MailTokenKind, token: string): string {
  return sha256Hex(`${kind} ${token}`);
}

export type MailTokenFor = Pick<MailTokenRow, 'kind' | 'user_id' | 'email' | 'email_key'> &
  Partial<Pick<MailTokenRow, 'name' | 'password_hash'>>;

/** The text of a new token, for the link in a mail; the row holds its hash. */
export async function issueMailToken(
  { clock, randomBytes }: Pick<People, 'clock' | 'randomBytes'>,
  tx: Tx,
  token: MailTokenFor,
): Promise<string> {
  const nowMs = clock.nowMs();
  const text = randomToken(randomBytes);
  await insertMailToken(tx, {
    name: null,
    password_hash: null,
    ...token,
    hash: mailTokenHash(token.kind, text),
    created_at: nowMs,
    expires_at: nowMs + LIVES_MS[token.kind],
  });
  return text;
}

export function endedLink(): Failure {
  return new Failure(
    'invalid_request',
    'This link was used, replaced by a newer one, or has expired. Ask for a new one.',
  );
}

/** Takes the token of a link: once, whoever comes at the same moment. Throws `invalid_request`. */
export async function takeMailToken(
  { clock }: Pick<People, 'clock'>,
  tx: Tx,
  kind: MailTokenKind,
  token: string,
): Promise<MailTokenRow> {
  const row = await consumeMailToken(tx, kind, mailTokenHash(kind, token), clock.nowMs());
  if (!row) throw endedLink();
  return row;
}
