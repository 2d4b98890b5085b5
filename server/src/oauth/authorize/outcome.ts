import type { Application } from '../../applications/index.ts';
import type { OAuthErrorCode } from '../../failure.ts';
import type { Offer, Standing } from './evaluate.ts';
import type { Blocked } from './place.ts';
import type { AuthorizationRequest } from './request.ts';
import type { AuthorizationResponse } from './response.ts';

/** Why there is nobody to answer to. */
export type Unanswerable =
  | 'unknown_client'
  | 'client_document'
  | 'disabled_client'
  | 'redirect_uri'
  | 'loopback_redirect_uri'
  | 'no_redirect_uri'
  | 'repeated'
  | 'unreadable';

/** A question that waits on the server for the person at the browser. */
export interface Question {
  /** Names the request in URLs and forms. */
  text: string;
  request: AuthorizationRequest;
  application: Application;
}

/** What the person has to do before they are asked for their consent. */
export type AskedStanding = Extract<Standing, { kind: 'sign_in' | 'select_account' | 'choose_workspace' }>;

/** What is to be done with an authorization request. */
export type Outcome =
  /** The browser carries the answer to the application: a code, or an error. */
  | { kind: 'answer'; response: AuthorizationResponse; error: OAuthErrorCode | null }
  /** A page of ours, and nothing goes anywhere (RFC 6749 §4.1.2.1). */
  | { kind: 'unanswerable'; why: Unanswerable; error: OAuthErrorCode; detail: string | null }
  /** An error that the application would be told, but by a link that the person follows or not (security A21). */
  | { kind: 'refused'; error: OAuthErrorCode; description: string; application: Application; link: string }
  /** It was answered, is too old, or belongs to another browser. */
  | { kind: 'gone' }
  /** Something is asked of the person. `browser` is the cookie that it belongs to. */
  | { kind: 'asked'; question: Question; standing: AskedStanding; browser: string }
  /** The person cannot allow it as things are. `link` tells the application so. */
  | { kind: 'blocked'; question: Question; reason: Blocked; link: string; browser: string }
  | { kind: 'consent'; question: Question; offer: Offer; terms: string; browser: string };
