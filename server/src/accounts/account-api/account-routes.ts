import { Type } from 'typebox';
import { Failure } from '../../failure.ts';
import { closed, nullable, type Route, route } from '../../http/index.ts';
import { acceptAsPerson } from '../members/accept.ts';
import { changePassword } from '../passwords/change-password.ts';
import type { People } from '../people.ts';
import { completeEmailChange, requestEmailChange } from '../recovery/change-email.ts';
import { requestVerification } from '../recovery/verify-email.ts';
import { endOtherSessions, endSession } from '../sessions/end.ts';
import { presentSession } from '../sessions/session.ts';
import { sessionById, sessionsOf } from '../sessions/store.ts';
import { switchSession } from '../sessions/switch.ts';
import { proveAgain } from '../sign-in/prove-again.ts';
import { renameSelf } from '../users/rename-self.ts';
import { requirePerson } from '../users/require-person.ts';
import { presentSelf } from '../users/user.ts';
import { endedCookieLine, signedInOf } from '../visit.ts';
import {
  Email,
  Environment,
  nothing,
  Otp,
  Password,
  PersonName,
  selfReply,
  sessionParams,
  sessionReply,
  Token,
} from './schemas.ts';
import { begun, own, visit } from './shared.ts';

function selfRoutes(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'GET',
      path: '/account',
      summary: 'The signed-in person',
      reply: selfReply,
      handler: async ({ principal }) => presentSelf(await requirePerson(people, principal.subject)),
    }),
    route({
      ...own,
      method: 'PATCH',
      path: '/account',
      summary: "Change one's own name",
      body: Type.Object({ name: Type.Optional(nullable(PersonName)) }, closed),
      reply: selfReply,
      handler: async (call) => {
        const { name } = call.body;
        const signed = signedInOf(call);
        if (name !== undefined) await renameSelf(people, visit(people, call), signed, { name });
        return presentSelf(await requirePerson(people, signed.userId));
      },
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/password',
      summary: 'Change the password: every session ends, and a new one takes the place of this one',
      body: Type.Object({ current_password: Type.Optional(Password), new_password: Password }, closed),
      reply: sessionReply,
      isIdempotent: false,
      handler: async (call) => {
        const { current_password: currentPassword, new_password: newPassword } = call.body;
        const input = { currentPassword, newPassword };
        return begun(people, call, await changePassword(people, visit(people, call), signedInOf(call), input));
      },
    }),
  ];
}

function addressRoutes(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'POST',
      path: '/account/email',
      summary: 'Ask to change the address: the new one gets a link, the old one is told',
      body: Type.Object({ email: Email }, closed),
      reply: Type.Object({ sent: Type.Literal(true) }),
      handler: async (call) => {
        await requestEmailChange(people, visit(people, call), signedInOf(call), call.body);
        return { sent: true } as const;
      },
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/email/confirm',
      summary: "Open the link that changes one's own address",
      body: Type.Object({ token: Token }, closed),
      reply: Type.Object({ email: Type.String() }),
      handler: (call) => completeEmailChange(people, visit(people, call), signedInOf(call), call.body),
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/email/verification',
      summary: 'Send a link that confirms the address',
      body: nothing,
      reply: Type.Object({ sent: Type.Literal(true) }),
      handler: async (call) => {
        await requestVerification(people, signedInOf(call));
        return { sent: true } as const;
      },
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/invitation/accept',
      summary: 'Become a member by an invitation to the own, confirmed address',
      body: Type.Object({ token: Token }, closed),
      reply: Type.Object({ workspace_id: Type.String() }),
      handler: async (call) => {
        const { workspaceId } = await acceptAsPerson(people, visit(people, call), signedInOf(call), call.body);
        return { workspace_id: workspaceId };
      },
    }),
  ];
}

function presentSessionRoutes(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'GET',
      path: '/account/session',
      summary: 'The present session',
      reply: sessionReply,
      handler: async (call) => {
        const { userId, sessionId } = signedInOf(call);
        const row = await sessionById(people.database.read, userId, sessionId);
        if (!row) throw new Failure('invalid_token', 'The session has ended. Sign in again.');
        return presentSession(row, sessionId);
      },
    }),
    route({
      ...own,
      method: 'PATCH',
      path: '/account/session',
      summary: 'Move the session to another workspace, or between test and live',
      body: Type.Object(
        { workspace_id: Type.Optional(Type.String()), environment: Type.Optional(Environment) },
        closed,
      ),
      reply: sessionReply,
      handler: async (call) => {
        const { workspace_id: workspaceId, environment } = call.body;
        const row = await switchSession(people, signedInOf(call), { workspaceId, environment });
        return presentSession(row, row.id);
      },
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/session/proof',
      summary: 'Prove once more who one is, before changing what protects the account',
      body: Type.Object({ password: Password, otp: Type.Optional(Otp) }, closed),
      status: 204,
      isIdempotent: false,
      handler: (call) => proveAgain(people, visit(people, call), signedInOf(call), call.body),
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/sign-out',
      summary: 'End the present session',
      body: nothing,
      status: 204,
      isIdempotent: false,
      handler: async (call) => {
        const signed = signedInOf(call);
        await endSession(people, visit(people, call), signed, signed.sessionId);
        call.setHeader('set-cookie', endedCookieLine(people.issuer()));
      },
    }),
  ];
}

function sessionListRoutes(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'GET',
      path: '/account/sessions',
      summary: "One's own living sessions, newest first",
      reply: Type.Object({ data: Type.Array(sessionReply), next_cursor: nullable(Type.String()) }),
      handler: async (call) => {
        const { userId, sessionId } = signedInOf(call);
        const nowMs = people.clock.nowMs();
        const rows = await sessionsOf(people.database.read, userId, nowMs);
        return { data: rows.map((row) => presentSession(row, sessionId)), next_cursor: null };
      },
    }),
    route({
      ...own,
      method: 'DELETE',
      path: '/account/sessions/:id',
      summary: 'End one of them',
      params: sessionParams,
      status: 204,
      handler: (call) => endSession(people, visit(people, call), signedInOf(call), call.params.id),
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/sessions/end-others',
      summary: 'End all but the present one',
      body: nothing,
      reply: Type.Object({ ended: Type.Integer() }),
      handler: async (call) => ({
        ended: await endOtherSessions(people, visit(people, call), signedInOf(call)),
      }),
    }),
  ];
}

/** For the signed-in person: the account and its sessions. */
export function accountRoutes(people: People): Route[] {
  return [
    ...selfRoutes(people),
    ...addressRoutes(people),
    ...presentSessionRoutes(people),
    ...sessionListRoutes(people),
  ];
}
