import type { Answer } from '../api.ts';
import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import {
  accessToken,
  type Family,
  isGood,
  isProtected,
  livingSessions,
  mayRefresh,
  type Person,
  type Session,
} from '../people-model.ts';
import { nextOtp } from '../second-factor.ts';
import { undisturbed } from './keys.ts';
import { hasCookie, pickCookie, pickPerson, sessionOf, visitor } from './people.ts';

/** A used token may be presented again for 30 s; a retry that is so late is not sure to be in time. */
const RETRY_WITHIN_MS = 20_000;
/** And one that is so late is none. */
const RETRY_OVER_MS = 35_000;

/** Far below the number from which on old sessions give way to new ones: here, each must last until it is ended. */
const MOST_SESSIONS = 60;
const mayBegin = (person: Person) => !person.isDisabled && livingSessions(person).length < MOST_SESSIONS;

/** Where a person may log in by API. */
const workspacesOf = (lane: Lane, { place, ownWorkspaceId }: Person): string[] => [
  ...(place === null ? [] : [lane.own.home.id]),
  ...(ownWorkspaceId === null ? [] : [ownWorkspaceId]),
];

/** The challenge that a right password gives where more is asked for; null when there was no answer. */
async function challengeOf(lane: Lane, person: Person): Promise<string | null> {
  const json = { username: person.email, password: person.password };
  const call = { method: 'POST', path: '/v1/auth/login', key: null, from: visitor(lane), json } as const;
  const ending = await lane.api.send({ ...call, requestId: lane.newName() });
  if (isUnanswered(ending)) return null;
  if (ending.json?.error === 'mfa_required') return ending.json.challenge;
  lane.model.violations.push(
    `${person.email} has a second factor, and a login without it was answered ${ending.status} ${JSON.stringify(ending.json)}`,
  );
  return null;
}

/** How somebody proves who they are: the password, and what else the account asks for, in one call or in two. */
async function proofOf(lane: Lane, person: Person) {
  const password = { username: person.email, password: person.password };
  if (!isProtected(person)) return { json: password, actions: [], spend: () => {} };
  const otp = nextOtp(person, lane.random);
  if (otp === null) return null;
  if (lane.random.chance(50)) return { json: { ...password, otp: otp.code }, ...otp };
  const challenge = await challengeOf(lane, person);
  return challenge === null ? null : { json: { challenge, otp: otp.code }, ...otp };
}

const logIn: Operation = {
  name: 'log in',
  weight: 4,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, (each) => mayBegin(each) && workspacesOf(lane, each).length > 0);
    if (!person) return;
    const workspaceId = lane.random.pick(workspacesOf(lane, person)) ?? '';
    const hasSecondFactor = isProtected(person);
    person.isBusy = true;
    const proof = await proofOf(lane, person);
    person.isBusy = false;
    if (!proof) return;
    const isLogin = !lane.random.chance(20);
    const json = { ...proof.json, workspace_id: workspaceId, ...(isLogin ? {} : { cookie: true }) };
    await perform(lane, {
      operation: isLogin ? 'log in' : 'log in by cookie',
      call: { method: 'POST', path: '/v1/auth/login', key: null, from: visitor(lane), json },
      expected: 200,
      actions: ['user.signed_in', ...proof.actions],
      subjects: [person],
      promise: (outcome) => {
        proof.spend();
        person.sessions.push(sessionOf(outcome, { workspaceId, hasSecondFactor, isLogin }));
        person.isTouched = true;
      },
    });
  },
};

const signIn: Operation = {
  name: 'sign in',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, mayBegin);
    if (!person) return;
    const otp = isProtected(person) ? nextOtp(person, lane.random) : null;
    if (isProtected(person) && otp === null) return;
    const json = { email: person.email, password: person.password, ...(otp ? { otp: otp.code } : {}) };
    await perform(lane, {
      operation: 'sign in',
      call: { method: 'POST', path: '/v1/account/sign-in', key: null, from: visitor(lane), json },
      expected: 201,
      actions: ['user.signed_in', ...(otp?.actions ?? [])],
      subjects: [person],
      promise: (outcome) => {
        otp?.spend();
        person.sessions.push(sessionOf(outcome, { hasSecondFactor: otp !== null }));
        person.isTouched = true;
      },
    });
  },
};

/** The right answer to a refresh: the next tokens, and to a retry the same ones. */
function take(lane: Lane, session: Session, family: Family, text: string, { json }: Answer): void {
  const { parent } = family;
  const successor: string = json.refresh_token;
  session.accessTokens.push(accessToken(json.token));
  const sinceMs = family.pending?.sinceMs ?? Date.now();
  family.pending = null;
  if (text === parent?.text) {
    if (successor === parent.successor) return;
    return void lane.model.violations.push(`a retry of a refresh in session ${session.id} gave another successor`);
  }
  if (parent) family.spent.push(parent.text);
  family.parent = { text, successor, sinceMs, untilMs: Date.now() };
  family.current = successor;
}

/** Presents a refresh token; what becomes of it when no answer comes is found out by presenting it again. */
export async function refresh(lane: Lane, person: Person, session: Session, text: string): Promise<void> {
  const { family } = session;
  if (family === null) return;
  const mayHaveTo = mayRefresh(person, lane.own.home.id, session);
  const sinceMs = family.pending?.sinceMs ?? Date.now();
  const call = { method: 'POST', path: '/v1/auth/refresh', key: null, json: { refresh_token: text } } as const;
  const ending = await lane.api.send({ ...call, from: visitor(lane), requestId: lane.newName() });
  if (isUnanswered(ending)) {
    if (mayHaveTo && text === family.current) family.pending = { text, sinceMs };
    return;
  }
  if (ending.status === 200 && mayHaveTo) return take(lane, session, family, text, ending);
  if (ending.status === 401 && !mayHaveTo) return;
  const isLate = family.pending !== null && Date.now() - sinceMs > RETRY_WITHIN_MS;
  // Somebody who asks again so late has lost the family, rightly: the server may have done what it did not say.
  if (ending.status === 401 && isLate) return void Object.assign(session, { isEnded: true });
  const state = mayHaveTo ? 'may be refreshed' : 'may not be refreshed';
  lane.model.violations.push(
    `session ${session.id} ${state}, and the answer was ${ending.status} ${ending.json?.error}`,
  );
}

/** A login with a refresh token that is known. */
function pickFamily(lane: Lane, fits: (family: Family, session: Session, person: Person) => boolean) {
  const all = lane.own.people.flatMap((person) => person.sessions.map((session) => ({ person, session })));
  const fitting = all.flatMap(({ person, session }) =>
    session.family !== null && !person.isBusy && fits(session.family, session, person)
      ? [{ person, session, family: session.family }]
      : [],
  );
  return lane.random.pick(fitting);
}

const refreshOne: Operation = {
  name: 'refresh',
  weight: 6,
  isChange: true,
  run: async (lane) => {
    const picked = pickFamily(
      lane,
      ({ current }, session) => current !== null && (!session.isEnded || lane.random.chance(10)),
    );
    if (!picked) return;
    const { person, session, family } = picked;
    const times = lane.random.chance(20) ? 2 : 1;
    const ask = () => refresh(lane, person, session, family.current ?? '');
    await undisturbed([person], () => Promise.all(Array.from({ length: times }, ask)));
  },
};

/** Whether the parent of the present token may be presented once more. */
export const isInGrace = ({ parent, pending }: Family): boolean =>
  parent !== null && pending === null && Date.now() - parent.sinceMs < RETRY_WITHIN_MS;

const refreshAgain: Operation = {
  name: 'refresh again',
  weight: 2,
  run: async (lane) => {
    const home = lane.own.home.id;
    const picked = pickFamily(
      lane,
      (family, session, person) => isInGrace(family) && mayRefresh(person, home, session),
    );
    if (!picked) return;
    const { person, session, family } = picked;
    await undisturbed([person], () => refresh(lane, person, session, family.parent?.text ?? ''));
  },
};

/** A token that was used up long ago. Whoever presents it ends the login. */
function longSpent(lane: Lane, { spent, parent, pending }: Family): string | undefined {
  const isOld = parent !== null && pending === null && Date.now() - parent.untilMs > RETRY_OVER_MS;
  return lane.random.pick(isOld ? [...spent, parent.text] : spent);
}

const reuse: Operation = {
  name: 'reuse refresh token',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const home = lane.own.home.id;
    const picked = pickFamily(
      lane,
      (family, session, person) => longSpent(lane, family) !== undefined && mayRefresh(person, home, session),
    );
    const text = picked && longSpent(lane, picked.family);
    if (!picked || text === undefined) return;
    const { person, session } = picked;
    await perform(lane, {
      operation: 'reuse refresh token',
      call: {
        method: 'POST',
        path: '/v1/auth/refresh',
        key: null,
        from: visitor(lane),
        json: { refresh_token: text },
      },
      expected: 401,
      actions: ['token_family.reused', 'user.session_ended'],
      subjects: [person],
      promise: () => {
        Object.assign(session, { isEnded: true });
        person.isTouched = true;
      },
    });
  },
};

/** By its access token, or by its refresh token. */
function logOutCall(lane: Lane, session: Session) {
  const { signing } = lane.model;
  const token = session.accessTokens.find((each) => isGood(each, session, signing));
  const text = session.family?.current ?? null;
  // A rotation in an emergency may be under way, and refuse the access token.
  const byToken =
    token !== undefined && !signing.isBusy && !signing.isUnsure && (text === null || lane.random.chance(50));
  if (byToken) return { key: token.text, json: {} };
  return text === null ? null : { key: null, json: { refresh_token: text } };
}

const logOut: Operation = {
  name: 'log out',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const picked = pickFamily(lane, (family, session) => !session.isEnded && family.pending === null);
    const how = picked && logOutCall(lane, picked.session);
    if (!how) return;
    const { person, session } = picked;
    const isByRefreshToken = how.key === null;
    await undisturbed(isByRefreshToken ? [] : [lane.model.signing], () =>
      perform(lane, {
        operation: 'log out',
        call: { method: 'POST', path: '/v1/auth/logout', from: visitor(lane), ...how },
        expected: 204,
        actions: ['token_family.revoked', 'user.signed_out'],
        subjects: [person],
        promise: () => {
          Object.assign(session, { isEnded: true });
          person.isTouched = true;
        },
      }),
    );
  },
};

const endSession: Operation = {
  name: 'end session',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, hasCookie);
    const own = person && pickCookie(lane, person);
    const session = person && lane.random.pick(livingSessions(person));
    if (!own || !session) return;
    const isOwn = own === session;
    await perform(lane, {
      operation: isOwn ? 'sign out' : 'end session',
      call: isOwn
        ? { method: 'POST', path: '/v1/account/sign-out', key: null, cookie: own.cookie, json: {} }
        : { method: 'DELETE', path: `/v1/account/sessions/${session.id}`, key: null, cookie: own.cookie },
      expected: 204,
      actions: [isOwn ? 'user.signed_out' : 'user.session_ended'],
      subjects: [person],
      promise: () => {
        Object.assign(session, { isEnded: true });
        person.isTouched = true;
      },
    });
  },
};

/** What the door says to an access token must be the model's word at every moment. */
const useToken: Operation = {
  name: 'call with access token',
  weight: 6,
  run: async (lane) => {
    const { signing } = lane.model;
    const person = pickPerson(lane, ({ sessions }) => sessions.some(({ accessTokens }) => accessTokens.length > 0));
    const session = lane.random.pick(person?.sessions.filter(({ accessTokens }) => accessTokens.length > 0) ?? []);
    const token = lane.random.pick(session?.accessTokens ?? []);
    if (!person || !session || !token || signing.isBusy || signing.isUnsure) return;
    const before = signing.version;
    const call = { method: 'GET', path: '/v1/auth/verify', key: token.text, requestId: lane.newName() } as const;
    const ending = await undisturbed([person], () => lane.api.send(call));
    if (isUnanswered(ending) || signing.version !== before) return;
    if (ending.status === (isGood(token, session, signing) ? 200 : 401)) return;
    const state = isGood(token, session, signing) ? 'is good' : 'has ended';
    lane.model.violations.push(
      `an access token of session ${session.id} ${state}, and the door answered ${ending.status} ${ending.json?.error ?? ''}`,
    );
  },
};

export const loginOperations: Operation[] = [
  logIn,
  signIn,
  refreshOne,
  refreshAgain,
  reuse,
  logOut,
  endSession,
  useToken,
];
