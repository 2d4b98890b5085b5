import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Envelope, RandomBytes } from '../crypto/index.ts';
import type { Database, Tx } from '../database/index.ts';
import type { Changes } from '../shared-state/index.ts';
import type { Guesses } from './guessing/guesses.ts';
import type { Outbox } from './mail/outbox.ts';
import type { SlowHashes } from './slow-hashes.ts';

/** Who may make an account by themselves. */
export type SignUpPolicy = 'open' | 'invitation' | 'closed';

/** Ends what a person's tokens could still do elsewhere: their refresh families and access tokens. */
export type EndTokens = (tx: Tx, userId: string, reason: string) => Promise<void>;

/** Ends the tokens of one login. */
export type EndSessionTokens = (tx: Tx, sessionId: string, reason: string) => Promise<void>;

/** Ends the access tokens of a person, whose refresh tokens give new ones: with the roles that they have then. */
export type RenewTokens = (tx: Tx, userId: string, reason: string) => Promise<void>;

/** Ends what a person allowed applications: in one workspace, or with null everywhere. */
export type EndGrants = (
  tx: Tx,
  actor: Actor,
  ending: { userId: string; workspaceId: string | null; reason: string },
) => Promise<void>;

/** Hears of sessions that end, inside the transaction that ends them, once they are gone. */
export interface SessionEnds {
  ended(tx: Tx, sessions: { userId: string; ids: readonly string[] }): Promise<void>;
  /** The same person has signed in again in the same browser: what was theirs in one session is in the other. */
  replaced(tx: Tx, session: { id: string; by: string; expiresAtMs: number }): Promise<void>;
}

/** What the verbs about people stand on. */
export interface People {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  changes: Changes;
  recordAudit: RecordAudit;
  catalogue: ScopeCatalogue;
  envelope: Envelope;
  slowHashes: SlowHashes;
  guesses: Guesses;
  outbox: Outbox;
  /** Signs the cookies of known devices. */
  deviceKey: Uint8Array;
  signUp: SignUpPolicy;
  issuer(): string;
  endTokens: EndTokens;
  endSessionTokens: EndSessionTokens;
  renewTokens: RenewTokens;
  endGrants: EndGrants;
  sessionEnds: SessionEnds;
}

/** Somebody at a browser or program, of whom nothing is proved yet. */
export interface Visit {
  address: string;
  requestId: string | null;
  userAgent: string | null;
  /** The text of the known-device cookie. */
  deviceCookie: string | null;
}

/** A signed-in person, as the door let them in. */
export interface SignedIn {
  userId: string;
  sessionId: string;
}

export function personActor({ requestId, address }: Visit, userId: string | null): Actor {
  return { kind: 'user', id: userId, requestId, address };
}

/** 256 bits as base64url: 43 characters that fit into a cookie and a link. */
export function randomToken(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(32)).toString('base64url');
}
