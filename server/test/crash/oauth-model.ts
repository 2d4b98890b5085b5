import { createHash } from 'node:crypto';
import type { Subject } from './model.ts';
import type { AccessToken, Family, SigningModel } from './people-model.ts';

/** Who allows a lane's applications something: nobody else changes what this person is. */
export interface Consenter {
  id: string;
  email: string;
  /** The text of the session's cookie. */
  cookie: string;
}

/** What the person allowed an application. */
export interface Consent {
  /** Null until a token or the audit log told it. */
  id: string | null;
  scopes: string[];
  isWithdrawn: boolean;
}

/** The tokens that one code gave. */
export interface Given {
  consent: Consent;
  isEnded: boolean;
  family: Family;
  accessTokens: AccessToken[];
}

export interface Code {
  text: string;
  consent: Consent;
  givenAtMs: number;
  /** Acknowledged, or settled by the audit log. */
  isRedeemed: boolean;
  /** Presented more than once, and not every answer came: used up or not, and what it gave lives or not. */
  isUnsure: boolean;
  given: Given | null;
}

/** One application. Whatever is about it or about what it was given is done one call at a time. */
export interface App extends Subject {
  id: string;
  name: string;
  isConfidential: boolean;
  /** Null: none, or the reply that showed it was lost. */
  secret: string | null;
  state: 'active' | 'disabled' | 'deleted';
  isSelfRegistered: boolean;
  /** Null also where the reply that showed it was lost. */
  registrationToken: string | null;
  consent: Consent | null;
  codes: Code[];
  given: Given[];
  /** That it was given for itself. */
  ownTokens: AccessToken[];
  isTouched: boolean;
}

export interface OAuthModel {
  person: Consenter;
  apps: App[];
}

/** Whether it can prove at the token endpoint who it is. */
export const canProve = ({ isConfidential, secret }: App): boolean => !isConfidential || secret !== null;

/** How it says who it is, in a form. */
export const proofOf = ({ id, secret }: App): Record<string, string> =>
  secret === null ? { client_id: id } : { client_id: id, client_secret: secret };

/** Whether its code left open what became of this. */
const isUnsure = ({ codes }: App, given: Given): boolean => codes.some((code) => code.isUnsure && code.given === given);

/** What must be known of before it is used. */
export const knownGiven = (app: App): Given[] => app.given.filter((given) => !isUnsure(app, given));

export const livingGiven = (app: App): Given[] => knownGiven(app).filter(({ isEnded }) => !isEnded);

export const isTokenGood = (token: AccessToken, { revoked }: SigningModel, given?: Given): boolean =>
  !token.isEnded && given?.isEnded !== true && !revoked.has(token.kid);

/** All its tokens end. What was allowed stays, for when it is there again. */
export function endTokens(app: App): void {
  for (const given of app.given) given.isEnded = true;
  for (const token of app.ownTokens) token.isEnded = true;
}

export const codeHashOf = ({ text }: Code): string =>
  createHash('sha256').update(`authorization_code ${text}`).digest('hex');

/** A code may be redeemed for 60 s: one that is so old is not sure to be in time. */
const FRESH_MS = 40_000;
/** A used one is remembered for six minutes. */
const REMEMBERED_MS = 240_000;

const ageMs = ({ givenAtMs }: Code) => Date.now() - givenAtMs;

export const isFresh = (code: Code): boolean => ageMs(code) < FRESH_MS;
export const isRemembered = (code: Code): boolean => ageMs(code) < REMEMBERED_MS;
