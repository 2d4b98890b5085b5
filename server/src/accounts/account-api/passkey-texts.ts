import type { Static, TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { refusedPasskey } from '../factors/webauthn.ts';
import { Assertion, Attestation } from './passkey-routes.ts';

const LONGEST = 32_768;

function read<S extends TSchema>(schema: S, text: string): Static<S> {
  if (text.length > LONGEST) throw refusedPasskey();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refusedPasskey();
  }
  if (!Check(schema, value)) throw refusedPasskey();
  return value as Static<S>;
}

/** What a browser answered to a request for a passkey, as JSON in a form. Throws `invalid_credentials`. */
export const readAssertion = (text: string) => read(Assertion, text);

/** What it answered when it made one. Throws `invalid_credentials`. */
export const readAttestation = (text: string) => read(Attestation, text);
