import type { ScopeCatalogue } from '@latchkey/protocol';
import type { RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Envelope, RandomBytes } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import type { Principal } from '../http/index.ts';
import type { Changes } from '../shared-state/index.ts';
import type { IdTokenAlgorithm } from './application.ts';

/**
 * Ends all that an application was given so far: tokens, families, and whatever else hangs on it. One that is `narrowed`
 * goes on refreshing, and gets what it may have now.
 */
export type EndClient = (
  tx: Tx,
  clientId: string,
  reason: 'application_disabled' | 'application_deleted' | 'application_narrowed',
) => Promise<void>;

/** What the verbs of applications stand on. */
export interface ApplicationDeps {
  clock: Clock;
  randomBytes: RandomBytes;
  catalogue: ScopeCatalogue;
  changes: Changes;
  recordAudit: RecordAudit;
  envelope: Envelope;
  endClient: EndClient;
  /** Publishes a key of what its ID tokens are signed with, before the first of them; safe to repeat. */
  prepareKey(algorithm: IdTokenAlgorithm): Promise<unknown>;
  /**
   * Looks at the asking credential once more, inside the transaction: what it makes is committed before its end, or not
   * at all. Throws `token_revoked`, `token_expired`.
   */
  holdGrantor(tx: Tx, principal: Principal): Promise<void>;
}
