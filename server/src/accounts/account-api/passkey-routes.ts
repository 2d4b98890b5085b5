import { Type } from 'typebox';
import { closed, cookieLine, cookieName, type Route, readCookie, route } from '../../http/index.ts';
import { addPasskey, offerPasskey, removePasskey, renamePasskey } from '../factors/enrol-passkey.ts';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '../factors/webauthn.ts';
import { refusedPasskey } from '../factors/webauthn.ts';
import type { People } from '../people.ts';
import {
  askPasskey,
  askPasskeyFactor,
  askPasskeyProof,
  passPasskey,
  passPasskeyFactor,
  proveByPasskey,
} from '../sign-in/passkey.ts';
import { signedInOf } from '../visit.ts';
import { passkeyReply, presentPasskey } from './factor-routes.ts';
import { Environment, nothing, passkeyParams, sessionReply, Token } from './schemas.ts';
import { beginning, begun, open, own, visit } from './shared.ts';

const Text = Type.String({ maxLength: 16_384 });
const Short = Type.String({ maxLength: 1400 });
/** Whatever else a browser adds to it, as the standard lets it. */
const loose = { additionalProperties: true };
export const Assertion = Type.Unsafe<AuthenticationResponseJSON>(
  Type.Object(
    {
      id: Short,
      rawId: Short,
      type: Type.Literal('public-key'),
      response: Type.Object({ clientDataJSON: Text, authenticatorData: Text, signature: Text }, loose),
    },
    loose,
  ),
);
export const Attestation = Type.Unsafe<RegistrationResponseJSON>(
  Type.Object(
    {
      id: Short,
      rawId: Short,
      type: Type.Literal('public-key'),
      response: Type.Object(
        {
          clientDataJSON: Text,
          attestationObject: Text,
          transports: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 8 })),
        },
        loose,
      ),
    },
    loose,
  ),
);
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '\\S' });
/** What `navigator.credentials` takes, as it is. */
const options = Type.Object({}, { additionalProperties: true });

export const BINDING_COOKIE = 'latchkey_passkey';
const BINDING_SECONDS = 300;

function entry(people: People): Route[] {
  const isSecure = () => people.issuer().startsWith('https:');
  return [
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-in/passkey/options',
      summary: 'What navigator.credentials.get needs to sign in by passkey',
      body: nothing,
      reply: options,
      handler: async (call) => {
        const asked = await askPasskey(people, visit(people, call));
        const cookie = { isSecure: isSecure(), maxAgeSeconds: BINDING_SECONDS };
        call.setHeader('set-cookie', cookieLine(BINDING_COOKIE, asked.binding, cookie));
        return asked.options as unknown as Record<string, unknown>;
      },
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-in/passkey',
      summary: 'Sign in by passkey, without password or another factor',
      body: Type.Object({ response: Assertion, environment: Type.Optional(Environment) }, closed),
      reply: sessionReply,
      status: 201,
      handler: async (call) => {
        const binding = readCookie(call.header('cookie'), cookieName(BINDING_COOKIE, isSecure()));
        if (binding === undefined) throw refusedPasskey();
        const { response, environment } = call.body;
        const finish = beginning(people, call, environment);
        const started = await passPasskey(people, visit(people, call), { response, binding }, finish);
        call.setHeader('set-cookie', cookieLine(BINDING_COOKIE, '', { isSecure: isSecure(), maxAgeSeconds: 0 }));
        return begun(people, call, started);
      },
    }),
  ];
}

function secondFactor(people: People): Route[] {
  return [
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-in/second-factor/passkey/options',
      summary: "What navigator.credentials.get needs to answer a sign-in's challenge",
      body: Type.Object({ challenge: Token }, closed),
      reply: options,
      handler: async (call) =>
        (await askPasskeyFactor(people, visit(people, call), call.body)) as unknown as Record<string, unknown>,
    }),
    route({
      ...open,
      method: 'POST',
      path: '/account/sign-in/second-factor/passkey',
      summary: 'Answer the challenge of a sign-in by passkey',
      body: Type.Object({ challenge: Token, response: Assertion, environment: Type.Optional(Environment) }, closed),
      reply: sessionReply,
      status: 201,
      handler: async (call) => {
        const { environment, ...answer } = call.body;
        const finish = beginning(people, call, environment);
        return begun(people, call, await passPasskeyFactor(people, visit(people, call), answer, finish));
      },
    }),
  ];
}

function managing(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'POST',
      path: '/account/factors/passkeys/options',
      summary: 'What navigator.credentials.create needs to make a passkey',
      body: nothing,
      reply: options,
      isIdempotent: false,
      handler: async (call) => (await offerPasskey(people, signedInOf(call))) as unknown as Record<string, unknown>,
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/factors/passkeys',
      summary: 'Keep a passkey that the browser made; answers with backup codes where there were none',
      body: Type.Object({ response: Attestation, name: Type.Optional(Name) }, closed),
      reply: Type.Object({ passkey: passkeyReply, backup_codes: Type.Array(Type.String()) }),
      status: 201,
      secretReply: true,
      handler: async (call) => {
        const input = { response: call.body.response, name: call.body.name?.trim() ?? 'Passkey' };
        const made = await addPasskey(people, visit(people, call), signedInOf(call), input);
        return { passkey: presentPasskey(made.passkey), backup_codes: made.backupCodes };
      },
    }),
    route({
      ...own,
      method: 'PATCH',
      path: '/account/factors/passkeys/:id',
      summary: 'Give a passkey another name',
      params: passkeyParams,
      body: Type.Object({ name: Name }, closed),
      reply: passkeyReply,
      handler: async (call) => {
        const change = { id: call.params.id, name: call.body.name.trim() };
        return presentPasskey(await renamePasskey(people, signedInOf(call), change));
      },
    }),
    route({
      ...own,
      method: 'DELETE',
      path: '/account/factors/passkeys/:id',
      summary: 'Take a passkey away',
      params: passkeyParams,
      status: 204,
      handler: (call) => removePasskey(people, visit(people, call), signedInOf(call), call.params.id),
    }),
  ];
}

function proving(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'POST',
      path: '/account/session/proof/passkey/options',
      summary: 'What navigator.credentials.get needs to prove once more who one is',
      body: nothing,
      reply: options,
      isIdempotent: false,
      handler: async (call) => (await askPasskeyProof(people, signedInOf(call))) as unknown as Record<string, unknown>,
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/session/proof/passkey',
      summary: 'Prove it by passkey',
      body: Type.Object({ response: Assertion }, closed),
      status: 204,
      isIdempotent: false,
      handler: (call) => proveByPasskey(people, visit(people, call), signedInOf(call), call.body),
    }),
  ];
}

/** Passkeys: signing in by them, and keeping them. */
export function passkeyRoutes(people: People): Route[] {
  return [...entry(people), ...secondFactor(people), ...managing(people), ...proving(people)];
}
