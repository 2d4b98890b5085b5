import { Failure } from '../../failure.ts';
import type { People } from '../people.ts';
import { type PersonRow, personById } from '../store.ts';

/** The signed-in person's row. Throws `invalid_token` when the account is gone or disabled since. */
export async function requirePerson({ database }: Pick<People, 'database'>, userId: string): Promise<PersonRow> {
  const person = await personById(database.read, userId);
  if (!person || person.state === 'disabled') throw new Failure('invalid_token', 'The account is gone or disabled.');
  return person;
}
