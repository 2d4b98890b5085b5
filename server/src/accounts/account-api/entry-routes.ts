import { Type } from 'typebox';
import { closed, nullable, type Route, route } from '../../http/index.ts';
import { acceptAsNewcomer, readInvitation } from '../members/accept.ts';
import { declineByLink } from '../members/decline.ts';
import type { People } from '../people.ts';
import { completeRecovery, requestRecovery } from '../recovery/recover.ts';
import { completeVerification } from '../recovery/verify-email.ts';
import { passSecondFactor, passSignIn } from '../sign-in/pass.ts';
import { completeSignUp, signUp } from '../sign-up/sign-up.ts';
import { presentedSessionOf } from '../visit.ts';
import { Email, Environment, Otp, Password, PersonName, sessionReply, Token } from './schemas.ts';
import { beginning, begun, open, secondFactorNeeded, visit } from './shared.ts';

const sent = Type.Object({ sent: Type.Literal(true) });
const changed = Type.Object({ email: Type.String() });
const SENT = { sent: true } as const;

function signUpRoutes(people: People): Route[] {
  return [
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-up',
      summary: 'Ask for an account: a mail with a link follows, whether there is one already or not',
      body: Type.Object({ email: Email, password: Password, name: Type.Optional(nullable(PersonName)) }, closed),
      reply: sent,
      handler: async (call) => {
        await signUp(people, visit(people, call), call.body);
        return SENT;
      },
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-up/confirm',
      summary: 'Open the link of the mail, with the password that was chosen: makes the account and signs in',
      body: Type.Object({ token: Token, password: Password }, closed),
      reply: sessionReply,
      status: 201,
      handler: async (call) => {
        const replaces = presentedSessionOf(call, people.issuer());
        const started = await completeSignUp(people, visit(people, call), { ...call.body, replaces });
        return begun(people, call, started);
      },
    }),
  ];
}

function invitationRoutes(people: People): Route[] {
  return [
    route({
      ...open,
      method: 'POST',
      path: '/account/invitation',
      summary: 'What an invitation says, to who holds its link',
      body: Type.Object({ token: Token }, closed),
      reply: Type.Object({
        email: Type.String(),
        role: Type.String(),
        workspace: Type.String(),
        has_account: Type.Boolean(),
      }),
      handler: async ({ body }) => {
        const { hasAccount, ...told } = await readInvitation(people, body);
        return { ...told, has_account: hasAccount };
      },
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/invitation/decline',
      summary: 'Say no to an invitation, by who holds its link',
      body: Type.Object({ token: Token }, closed),
      status: 204,
      handler: (call) => declineByLink(people, visit(people, call), { ...call.body, userId: null }),
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/invitation/sign-up',
      summary: 'Make an account by an invitation, and sign in',
      body: Type.Object({ token: Token, password: Password, name: Type.Optional(nullable(PersonName)) }, closed),
      reply: sessionReply,
      status: 201,
      handler: async (call) => {
        const replaces = presentedSessionOf(call, people.issuer());
        const started = await acceptAsNewcomer(people, visit(people, call), { ...call.body, replaces });
        return begun(people, call, started);
      },
    }),
  ];
}

function signInRoutes(people: People): Route[] {
  return [
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-in',
      summary: 'Sign in by password: a session in a cookie, or 401 mfa_required with a challenge',
      body: Type.Object(
        { email: Email, password: Password, otp: Type.Optional(Otp), environment: Type.Optional(Environment) },
        closed,
      ),
      reply: sessionReply,
      status: 201,
      handler: async (call) => {
        const { environment, ...input } = call.body;
        const finish = beginning(people, call, environment);
        const passed = await passSignIn(people, visit(people, call), input, finish);
        if (passed.kind === 'second_factor') throw secondFactorNeeded(passed);
        return begun(people, call, passed.result);
      },
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-in/second-factor',
      summary: 'Answer the challenge of a sign-in by a one-time password or a backup code',
      body: Type.Object({ challenge: Token, otp: Otp, environment: Type.Optional(Environment) }, closed),
      reply: sessionReply,
      status: 201,
      handler: async (call) => {
        const { environment, ...answer } = call.body;
        const finish = beginning(people, call, environment);
        return begun(people, call, await passSecondFactor(people, visit(people, call), answer, finish));
      },
    }),
  ];
}

function recoveryRoutes(people: People): Route[] {
  return [
    route({
      ...open,
      method: 'POST',
      path: '/account/recovery',
      summary: 'Ask for a link that sets a new password; answers the same when there is no such account',
      body: Type.Object({ email: Email }, closed),
      reply: sent,
      handler: async (call) => {
        await requestRecovery(people, visit(people, call), call.body);
        return SENT;
      },
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/recovery/complete',
      summary: 'Set a new password by that link: ends every session; sign in with it afterwards',
      body: Type.Object({ token: Token, password: Password }, closed),
      reply: changed,
      handler: (call) => completeRecovery(people, visit(people, call), call.body),
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/email/verify',
      summary: 'Open the link that confirms an address',
      body: Type.Object({ token: Token }, closed),
      reply: changed,
      handler: (call) => completeVerification(people, visit(people, call), call.body),
    }),
  ];
}

/** For visitors: signing up and in, and getting back in. */
export function entryRoutes(people: People): Route[] {
  return [...signUpRoutes(people), ...invitationRoutes(people), ...signInRoutes(people), ...recoveryRoutes(people)];
}
