import type { People, SessionRecord } from '../accounts/index.ts';
import type { Tokens } from '../tokens/index.ts';

/** What the verbs of a login stand on. */
export interface LoginDeps {
  people: People;
  tokens: Tokens;
  /** What the tokens are for: the installation's default resource. */
  audience(): string;
  /** The session of a cookie's text; null when it has ended. */
  findSession(text: string): Promise<SessionRecord | null>;
  /** Notes that a login is in use. */
  noteRefreshed(sessionId: string, address: string): void;
  /** Makes an address pay for a token that is none. Throws `rate_limit_exceeded`. */
  payAddress(address: string): Promise<void>;
  onAsked(asked: { grantType: 'password' | 'refresh_token'; outcome: string }): void;
}
