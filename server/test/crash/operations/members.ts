import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import { endAccessTokens, newPerson, type Person, type Place, type Role } from '../people-model.ts';
import { maybeIdempotent, undisturbed } from './keys.ts';
import { hasCookie, learnIds, newPassword, pickCookie, pickPerson, sessionOf, tokenOfMail, visitor } from './people.ts';

const ROLES: readonly Role[] = ['owner', 'admin', 'developer', 'viewer'];
const UNDER_OWNER: readonly Role[] = ['admin', 'developer', 'viewer'];
/** An address takes five mails of a kind an hour. */
const MOST_INVITATIONS = 4;
const MOST_NEWCOMERS = 16;

type Member = Person & { place: Place & { memberId: string } };

function pickMember(lane: Lane, fits: (member: Member) => boolean): Member | undefined {
  return pickPerson(lane, (each) => each.place?.memberId != null && fits(each as Member)) as Member | undefined;
}

const owners = (lane: Lane): Person[] => lane.own.people.filter(({ place }) => place?.role === 'owner');

const changeRole: Operation = {
  name: 'change role',
  weight: 3,
  isChange: true,
  run: async (lane) => {
    const member = pickMember(lane, ({ isDisabled }) => !isDisabled);
    if (!member) return;
    const { place } = member;
    const wasOwner = place.role === 'owner';
    const role = lane.random.pick(ROLES.filter((each) => each !== place.role)) ?? 'viewer';
    await perform(lane, {
      operation: 'change role',
      call: {
        method: 'PATCH',
        path: `/v1/members/${place.memberId}`,
        key: lane.model.rootKey,
        json: { role, workspace_id: lane.own.home.id },
        ...(wasOwner ? {} : maybeIdempotent(lane)),
      },
      expected: 200,
      actions: ['member.role_changed'],
      // The last owner stays one; another call may be ending the other at this moment.
      mayConflict: wasOwner,
      subjects: [member],
      promise: () => {
        place.role = role;
        endAccessTokens(member);
        member.isTouched = true;
      },
    });
  },
};

const remove: Operation = {
  name: 'remove member',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const member = pickMember(lane, ({ isDisabled }) => !isDisabled);
    if (!member) return;
    const isOwner = member.place.role === 'owner';
    await perform(lane, {
      operation: 'remove member',
      call: {
        method: 'DELETE',
        path: `/v1/members/${member.place.memberId}?workspace_id=${lane.own.home.id}`,
        key: isOwner ? lane.model.rootKey : lane.own.manager,
        ...(isOwner ? {} : maybeIdempotent(lane)),
      },
      expected: 204,
      actions: ['member.removed'],
      mayConflict: isOwner,
      subjects: [member],
      promise: () => {
        endAccessTokens(member);
        Object.assign(member, { place: null, isTouched: true });
      },
    });
  },
};

const add: Operation = {
  name: 'add member',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(lane, ({ id, place, isDisabled }) => id !== null && place === null && !isDisabled);
    if (!person) return;
    const role = lane.random.pick(ROLES) ?? 'viewer';
    await perform(lane, {
      operation: 'add member',
      call: {
        method: 'POST',
        path: '/v1/members',
        key: lane.model.rootKey,
        json: { user_id: person.id, role, workspace_id: lane.own.home.id },
        ...maybeIdempotent(lane),
      },
      expected: 201,
      actions: ['member.added'],
      subjects: [person],
      promise: ({ ids: [memberId = null] }) => {
        endAccessTokens(person);
        Object.assign(person, { place: { role, memberId }, isTouched: true });
      },
    });
  },
};

/** A workspace keeps an owner, whoever asks. */
const lastOwner: Operation = {
  name: 'end the last owner',
  weight: 1,
  run: async (lane) => {
    const [owner, another] = owners(lane);
    const memberId = owner?.place?.memberId;
    if (!owner || another || owner.isBusy || lane.own.people.some(({ isBusy }) => isBusy) || !memberId) return;
    const path = `/v1/members/${memberId}`;
    const common = { key: lane.model.rootKey, requestId: lane.newName() };
    const json = { role: 'viewer', workspace_id: lane.own.home.id };
    const call = lane.random.chance(50)
      ? ({ method: 'PATCH', path, json, ...common } as const)
      : ({ method: 'DELETE', path: `${path}?workspace_id=${lane.own.home.id}`, ...common } as const);
    const ending = await undisturbed(lane.own.people, () => lane.api.send(call));
    if (isUnanswered(ending) || ending.status === 409) return;
    lane.model.violations.push(`the last owner of ${lane.own.home.id} was ended, and the answer was ${ending.status}`);
  },
};

/**
 * Invites an address to the home; the token of the mail, when it came. A newcomer's call may be sent again later: nobody
 * else makes that address a member meanwhile.
 */
async function invite(lane: Lane, email: string, role: Role, isNewcomer: boolean): Promise<string | null> {
  const invited = await perform(lane, {
    operation: 'invite',
    call: {
      method: 'POST',
      path: '/v1/invitations',
      key: lane.own.manager,
      json: { email, role, workspace_id: lane.own.home.id },
      ...(isNewcomer ? maybeIdempotent(lane) : {}),
    },
    expected: 201,
    actions: ['invitation.created'],
    subjects: [],
    promise: () => {},
  });
  return invited.state === 'acknowledged' ? tokenOfMail(lane, email) : null;
}

const acceptAsPerson: Operation = {
  name: 'accept invitation',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const person = pickPerson(
      lane,
      (each) => each.place === null && hasCookie(each) && each.invitations < MOST_INVITATIONS,
    );
    if (!person) return;
    person.invitations += 1;
    person.isBusy = true;
    const role = lane.random.pick(UNDER_OWNER) ?? 'viewer';
    const token = await invite(lane, person.email, role, false);
    person.isBusy = false;
    const session = pickCookie(lane, person);
    if (token === null || !session) return;
    await perform(lane, {
      operation: 'accept invitation',
      call: {
        method: 'POST',
        path: '/v1/account/invitation/accept',
        key: null,
        cookie: session.cookie,
        json: { token },
      },
      expected: 200,
      actions: ['invitation.accepted'],
      subjects: [person],
      promise: () => {
        Object.assign(person, { place: { role, memberId: null }, isTouched: true });
        lane.own.spentLinks.push({ path: '/v1/account/invitation', json: { token } });
      },
    });
  },
};

const acceptAsNewcomer: Operation = {
  name: 'sign up by invitation',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    if (lane.own.people.length >= MOST_NEWCOMERS) return;
    const email = `${lane.newName()}@example.com`;
    const password = newPassword(lane);
    const role = lane.random.pick(UNDER_OWNER) ?? 'viewer';
    const token = await invite(lane, email, role, true);
    if (token === null) return;
    const path = '/v1/account/invitation/sign-up';
    const json = { token, password };
    const made: Person[] = [];
    await perform(lane, {
      operation: 'sign up by invitation',
      call: { method: 'POST', path, key: null, from: visitor(lane), json },
      expected: 201,
      actions: ['user.created', 'invitation.accepted', 'workspace.created', 'user.signed_in'],
      subjects: [],
      promise: (outcome) => {
        const person = newPerson({ id: null, email, password, place: { role, memberId: null } });
        person.sessions.push(sessionOf(outcome));
        made.push(person);
        lane.own.people.push(person);
        lane.own.spentLinks.push({ path, json });
      },
      recorded: (events) => {
        for (const person of made) learnIds(person, events);
      },
    });
  },
};

export const memberOperations: Operation[] = [changeRole, remove, add, lastOwner, acceptAsPerson, acceptAsNewcomer];
