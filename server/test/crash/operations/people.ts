import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered, type Outcome } from '../model.ts';
import {
  accessToken,
  endSessions,
  isProtected,
  livingSessions,
  newPerson,
  type Person,
  type Role,
  type Session,
  type SpentLink,
} from '../people-model.ts';
import { maybeIdempotent, undisturbed } from './keys.ts';

/** Few, so that much happens to each of them. */
const MOST_PEOPLE = 12;
const ROLES: readonly Role[] = ['admin', 'developer', 'viewer'];

/** One of the lane's people that nothing is under way about. */
export function pickPerson(lane: Lane, fits: (person: Person) => boolean = () => true): Person | undefined {
  return lane.random.pick(lane.own.people.filter((person) => !person.isBusy && fits(person)));
}

/** An address that nobody guesses from but this call: what networks are refused for is no matter here. */
export const visitor = ({ random }: Lane): string =>
  `10.${random.below(250)}.${random.below(250)}.${1 + random.below(250)}`;

/** Living sessions in browsers whose cookies are known, and that showed the factor where the account has one. */
const usableSessions = (person: Person): Session[] =>
  livingSessions(person).filter(
    ({ cookie, hasSecondFactor }) => cookie !== null && (hasSecondFactor || !isProtected(person)),
  );

export function pickCookie(lane: Lane, person: Person): (Session & { cookie: string }) | undefined {
  const sessions = usableSessions(person);
  return lane.random.pick(sessions) as (Session & { cookie: string }) | undefined;
}

export const hasCookie = (person: Person): boolean => usableSessions(person).length > 0;

/** The session that a sign-in began, as its reply or its events say. */
export function sessionOf(
  { reply, cookie, events }: Outcome,
  { workspaceId = '', hasSecondFactor = false, isLogin = false } = {},
): Session {
  const recorded = events.find(({ action }) => action === 'user.signed_in')?.data.session;
  const family = { current: reply?.refresh_token ?? null, parent: null, spent: [], pending: null };
  return {
    id: String(reply?.session_id ?? reply?.id ?? recorded),
    workspaceId,
    isEnded: false,
    hasSecondFactor,
    cookie,
    family: isLogin ? family : null,
    accessTokens: reply?.token === undefined ? [] : [accessToken(reply.token)],
  };
}

export const newPassword = ({ random }: Lane): string => `crash ${random.text(14)}`;

const targetOf = (events: Outcome['events'], action: string): string | null =>
  events.find((event) => event.action === action)?.targetId ?? null;

/** What only the audit log tells of somebody who made the account themselves. */
export function learnIds(person: Person, events: Outcome['events']): void {
  person.id ??= targetOf(events, 'user.created');
  person.ownWorkspaceId ??= targetOf(events, 'workspace.created');
}

const create: Operation = {
  name: 'create user',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    if (lane.own.people.length >= MOST_PEOPLE) return;
    const email = `${lane.newName()}@example.com`;
    const password = newPassword(lane);
    const role = lane.random.pick(ROLES) ?? 'viewer';
    await perform(lane, {
      operation: 'create user',
      call: {
        method: 'POST',
        path: '/v1/users',
        key: lane.model.rootKey,
        json: { email, password, role, email_verified: true, workspace_id: lane.own.home.id },
        ...maybeIdempotent(lane),
      },
      expected: 201,
      actions: ['user.created'],
      subjects: [],
      promise: ({ ids: [id = ''], reply }) => {
        const place = { role, memberId: reply?.member_id ?? null };
        lane.own.people.push(newPerson({ id, email, password, place }));
      },
    });
  },
};

/** The token of the newest mail to an address; null when it is not there any more: a development server keeps mails in memory. */
export async function tokenOfMail(lane: Lane, email: string): Promise<string | null> {
  const call = { method: 'GET', path: '/dev/mail', key: lane.model.rootKey, requestId: lane.newName() } as const;
  const ending = await lane.api.send(call);
  if (isUnanswered(ending)) return null;
  const mails = ending.json.data as { to: string; text: string }[];
  const tokens = mails.flatMap(({ to, text }) => (to === email ? (/token=([\w-]{43})/.exec(text)?.[1] ?? []) : []));
  return tokens[0] ?? null;
}

/** Follows the link of a sign-up: the account, its workspace and a session are there at once. */
async function confirm(lane: Lane, email: string, password: string, token: string): Promise<void> {
  const path = '/v1/account/sign-up/confirm';
  const json = { token, password };
  const made: Person[] = [];
  await perform(lane, {
    operation: 'confirm sign-up',
    call: { method: 'POST', path, key: null, from: visitor(lane), json },
    expected: 201,
    actions: ['user.created', 'workspace.created', 'user.signed_in'],
    subjects: [],
    promise: (outcome) => {
      const person = newPerson({ id: null, email, password, place: null });
      person.sessions.push(sessionOf(outcome));
      made.push(person);
      lane.own.people.push(person);
      lane.own.spentLinks.push({ path, json });
    },
    recorded: (events) => {
      for (const person of made) learnIds(person, events);
    },
  });
}

const signUp: Operation = {
  name: 'sign up',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    if (lane.own.people.length >= MOST_PEOPLE) return;
    const email = `${lane.newName()}@example.com`;
    const password = newPassword(lane);
    const asked = await perform(lane, {
      operation: 'sign up',
      call: {
        method: 'POST',
        path: '/v1/account/sign-up',
        key: null,
        from: visitor(lane),
        json: { email, password },
      },
      expected: 200,
      actions: ['user.sign_up_asked'],
      subjects: [],
      promise: () => {},
    });
    if (asked.state !== 'acknowledged') return;
    const token = await tokenOfMail(lane, email);
    if (token !== null) await confirm(lane, email, password, token);
  },
};

/** A link is good once: before a crash, and after. */
export async function follow(lane: Lane, link: SpentLink): Promise<void> {
  const requestId = lane.newName();
  const ending = await lane.api.send({ method: 'POST', key: null, from: visitor(lane), requestId, ...link });
  if (isUnanswered(ending) || ending.status === 400) return;
  lane.model.violations.push(`a link to ${link.path} was good once more, and the answer was ${ending.status}`);
}

const followAgain: Operation = {
  name: 'follow a link again',
  weight: 1,
  run: async (lane) => {
    const link = lane.random.pick(lane.own.spentLinks);
    if (link) await follow(lane, link);
  },
};

const disable: Operation = {
  name: 'disable or enable user',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, ({ id, place }) => id !== null && place?.role !== 'owner');
    if (!person) return;
    const { isDisabled } = person;
    const ends = !isDisabled && livingSessions(person).length > 0 ? ['user.sessions_ended'] : [];
    await perform(lane, {
      operation: isDisabled ? 'enable user' : 'disable user',
      call: {
        method: 'PATCH',
        path: `/v1/users/${person.id}`,
        key: lane.model.rootKey,
        json: { state: isDisabled ? 'active' : 'disabled' },
        ...maybeIdempotent(lane),
      },
      expected: 200,
      actions: [isDisabled ? 'user.enabled' : 'user.disabled', 'user.updated', ...ends],
      subjects: [person],
      promise: () => {
        Object.assign(person, { isDisabled: !isDisabled, isTouched: true });
        if (!isDisabled) endSessions(person);
      },
    });
  },
};

const changePassword: Operation = {
  name: 'change password',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, hasCookie);
    const session = person && pickCookie(lane, person);
    if (!session) return;
    const [oldPassword, password] = [person.password, newPassword(lane)];
    await perform(lane, {
      operation: 'change password',
      call: {
        method: 'POST',
        path: '/v1/account/password',
        key: null,
        cookie: session.cookie,
        from: visitor(lane),
        json: { current_password: oldPassword, new_password: password },
      },
      expected: 200,
      actions: ['user.password_changed', 'user.sessions_ended', 'user.signed_in'],
      subjects: [person],
      promise: (outcome) => {
        Object.assign(person, { password, oldPassword, isTouched: true });
        endSessions(person);
        person.sessions.push(sessionOf(outcome, { hasSecondFactor: session.hasSecondFactor }));
      },
    });
  },
};

/** What the server says to a cookie must be the model's word at every moment. */
const useCookie: Operation = {
  name: 'call with cookie',
  weight: 3,
  run: async (lane) => {
    const person = pickPerson(lane, ({ sessions }) => sessions.some(({ cookie }) => cookie !== null));
    const session = lane.random.pick(person?.sessions.filter(({ cookie }) => cookie !== null) ?? []);
    if (!person || !session?.cookie) return;
    const { cookie } = session;
    const call = { method: 'GET', path: '/v1/account/session', key: null, cookie, requestId: lane.newName() } as const;
    const ending = await undisturbed([person], () => lane.api.send(call));
    if (isUnanswered(ending) || ending.status === (session.isEnded ? 401 : 200)) return;
    const state = session.isEnded ? 'has ended' : 'lives';
    lane.model.violations.push(`session ${session.id} ${state}, and its cookie was answered ${ending.status}`);
  },
};

export const peopleOperations: Operation[] = [create, signUp, followAgain, disable, changePassword, useCookie];
