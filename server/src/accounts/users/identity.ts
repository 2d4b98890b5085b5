import type { Tx } from '../../database/index.ts';
import { personById } from '../store.ts';

/** What an application may be told of a person who is here and not disabled. */
export interface Identity {
  userId: string;
  email: string;
  isEmailVerified: boolean;
  name: string | null;
}

/** Null when the account is gone or disabled. An address that waits for its confirmation is not told (security E6). */
export async function identityOf(query: Tx['query'], userId: string): Promise<Identity | null> {
  const person = await personById(query, userId);
  if (person?.state !== 'active') return null;
  return { userId: person.id, email: person.email, isEmailVerified: person.email_verified === 1, name: person.name };
}
