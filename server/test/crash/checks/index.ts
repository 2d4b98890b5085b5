// The one registry of what is checked after each crash. A later domain adds its check here.
import { auditIsWhole, deedsAreRecorded } from './audit.ts';
import type { Check } from './check.ts';
import { keysAreAsPromised } from './keys.ts';
import { oauthIsAsPromised, oauthTablesSayTheSame } from './oauth.ts';
import { peopleAreAsPromised, tablesSayTheSame } from './people.ts';
import { quotasHold } from './quotas.ts';
import { callsAreRepeated } from './repetitions.ts';
import { signingKeysAreRight } from './signing-keys.ts';

/** In this order: first what happened is settled, then all that follows from it is compared. */
export const CHECKS_OF_STATE: readonly Check[] = [
  auditIsWhole,
  deedsAreRecorded,
  keysAreAsPromised,
  quotasHold,
  tablesSayTheSame,
  oauthTablesSayTheSame,
  signingKeysAreRight,
];

export const CHECKS: readonly Check[] = [...CHECKS_OF_STATE, peopleAreAsPromised, oauthIsAsPromised, callsAreRepeated];
