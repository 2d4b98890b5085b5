import type { Subject } from './model.ts';

export type Role = 'owner' | 'admin' | 'developer' | 'viewer';

export interface AccessToken {
  text: string;
  kid: string;
  /** Refused from then on, also when its login goes on: a role has changed, for one. */
  isEnded: boolean;
}

/** The refresh tokens of a login, which take turns. */
export interface Family {
  /** Null: the reply that showed it was lost. */
  current: string | null;
  /** Used up at some moment between the two. */
  parent: { text: string; successor: string; sinceMs: number; untilMs: number } | null;
  /** Older than the parent: whoever presents one ends the family. */
  spent: string[];
  /** Presented, and not answered: used up or not. */
  pending: { text: string; sinceMs: number } | null;
}

/** One of a person's sessions: in a browser, or a login by API. */
export interface Session {
  id: string;
  workspaceId: string;
  isEnded: boolean;
  /** Whether it began with a second factor. */
  hasSecondFactor: boolean;
  /** Null for a login by API, and where the reply that set it was lost. */
  cookie: string | null;
  /** Null for a session in a browser. */
  family: Family | null;
  accessTokens: AccessToken[];
}

/** A place in the lane's home. */
export interface Place {
  role: Role;
  /** Null until the database was looked into. */
  memberId: string | null;
}

export interface Person extends Subject {
  /** Null until the audit log was looked into. */
  id: string | null;
  email: string;
  password: string;
  /** One that was replaced, and must open nothing. */
  oldPassword: string | null;
  isDisabled: boolean;
  /** Null: not a member of the home. */
  place: Place | null;
  /** Of one's own; null for whom the operator made. */
  ownWorkspaceId: string | null;
  /** `offered`: not confirmed, so it protects nothing yet. */
  totp: { secret: string; lastStep: number; isConfirmed: boolean } | null;
  /** Backup codes that are good, as far as their texts are known; `left` of them in all. */
  codes: { known: string[]; left: number };
  /** Used up, or replaced. */
  spentCodes: string[];
  sessions: Session[];
  invitations: number;
  /** Guesses that were wrong on purpose, at a password and at a code: an account takes ten of each an hour. */
  wrongPasswords: number;
  wrongCodes: number;
  isTouched: boolean;
}

/** A link of a mail that was followed, as the call that followed it. */
export interface SpentLink {
  path: string;
  json: Record<string, unknown>;
}

/** The signing keys, which all lanes depend on. */
export interface SigningModel extends Subject {
  /** Ended in an emergency. */
  revoked: Set<string>;
  /** Some were ended in an emergency, and which is not known yet. */
  isUnsure: boolean;
  /** Grows with every rotation that was asked for. */
  version: number;
}

export const newPerson = (facts: Pick<Person, 'id' | 'email' | 'password' | 'place'>): Person => ({
  ...facts,
  oldPassword: null,
  isDisabled: false,
  ownWorkspaceId: null,
  totp: null,
  codes: { known: [], left: 0 },
  spentCodes: [],
  sessions: [],
  invitations: 0,
  wrongPasswords: 0,
  wrongCodes: 0,
  isBusy: false,
  isTouched: true,
});

export const isProtected = ({ totp }: Person): boolean => totp?.isConfirmed === true;

/** The sessions that live, as their list must show them. */
export const livingSessions = ({ sessions }: Person): Session[] => sessions.filter(({ isEnded }) => !isEnded);

/** Whether the login's refresh tokens are good: for a member, with as much proof as the account asks for. */
export function mayRefresh(person: Person, homeId: string, session: Session): boolean {
  if (session.isEnded || person.isDisabled || session.family === null) return false;
  if (isProtected(person) && !session.hasSecondFactor) return false;
  return session.workspaceId === homeId ? person.place !== null : session.workspaceId === person.ownWorkspaceId;
}

export const isGood = (token: AccessToken, session: Session, signing: SigningModel): boolean =>
  !token.isEnded && !session.isEnded && !signing.revoked.has(token.kid);

export function kidOf(token: string): string {
  const [head = ''] = token.split('.');
  return (JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }).kid;
}

export const accessToken = (text: string): AccessToken => ({ text, kid: kidOf(text), isEnded: false });

/** What the person's role allowed is asked anew: access tokens end, logins go on. */
export function endAccessTokens(person: Person): void {
  for (const { accessTokens } of person.sessions) for (const token of accessTokens) token.isEnded = true;
}

/** Everything that the person was signed in by has ended. */
export function endSessions(person: Person, except?: Session): void {
  for (const session of person.sessions) if (session !== except) session.isEnded = true;
}

/** A code is good no more. */
export function spendCode(person: Person, code: string): void {
  const { known, left } = person.codes;
  person.codes = { known: known.filter((each) => each !== code), left: left - 1 };
  person.spentCodes.push(code);
}
