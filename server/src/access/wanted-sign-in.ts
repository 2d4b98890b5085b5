import { Type } from 'typebox';
import { ACR_VALUES, isAcr } from '../accounts/index.ts';
import type { Failure, WantedSignIn } from '../failure.ts';

/** The parameters by which a query asks how recent and strong the sign-in must be (RFC 9470 §3), as they are documented. */
export const signInQuery = {
  max_age: Type.Optional(
    Type.Integer({ minimum: 0, description: 'How many seconds ago the person may have signed in' }),
  ),
  acr_values: Type.Optional(
    Type.String({ description: `How strongly they must have, one of these: ${ACR_VALUES.join(', ')}` }),
  ),
};

type Refuse = (parameter: string, problem: string) => Failure;

/** Ten digits are three hundred years: more is a slip. */
const SECONDS = /^\d{1,10}$/;

function maxAgeIn(value: unknown, refuse: Refuse): number {
  if (typeof value === 'string' && SECONDS.test(value)) return Number(value);
  throw refuse('max_age', 'must be given once, as a whole number of seconds from 0');
}

function acrValuesIn(value: unknown, refuse: Refuse): readonly string[] {
  const values = typeof value === 'string' ? value.split(/[ ,]+/).filter((each) => each !== '') : [];
  if (values.length > 0 && values.every(isAcr)) return values;
  throw refuse('acr_values', `must be given once, as one or more of ${ACR_VALUES.join(', ')}`);
}

/** What a query asks of the sign-in. A value that cannot be read is refused: it would let callers pass. */
export function wantedSignInOf(
  { max_age: maxAge, acr_values: acrValues }: Readonly<Record<string, unknown>>,
  refuse: Refuse,
): WantedSignIn {
  return {
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAgeIn(maxAge, refuse) }),
    ...(acrValues === undefined ? {} : { acrValues: acrValuesIn(acrValues, refuse) }),
  };
}
