import { Type } from 'typebox';
import { toTimestamp } from '../../clock.ts';
import { closed, nullable, type Route, route } from '../../http/index.ts';
import { regenerateBackupCodes } from '../factors/backup-codes.ts';
import { confirmAuthenticator, offerAuthenticator, removeAuthenticator } from '../factors/enrol-totp.ts';
import { countBackupCodes, passkeysOf, totpOf } from '../factors/store.ts';
import type { People } from '../people.ts';
import { signedInOf } from '../visit.ts';
import { nothing, Otp } from './schemas.ts';
import { own, visit } from './shared.ts';

const codes = Type.Object({ backup_codes: Type.Array(Type.String()) });
export const passkeyReply = Type.Object({
  id: Type.String(),
  name: Type.String(),
  backed_up: Type.Boolean(),
  flagged: Type.Boolean(),
  created_at: Type.String(),
  last_used_at: nullable(Type.String()),
});

function overviewRoutes(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'GET',
      path: '/account/factors',
      summary: 'Which second factors there are',
      reply: Type.Object({
        totp: nullable(Type.Object({ created_at: Type.String() })),
        passkeys: Type.Array(passkeyReply),
        backup_codes_left: Type.Integer(),
      }),
      handler: async ({ principal: { subject } }) => {
        const { read } = people.database;
        const totp = await totpOf(read, subject);
        const confirmedAtMs = totp?.confirmed_at ?? null;
        return {
          totp: confirmedAtMs === null ? null : { created_at: toTimestamp(confirmedAtMs) },
          passkeys: (await passkeysOf(read, subject)).map(presentPasskey),
          backup_codes_left: await countBackupCodes(read, subject),
        };
      },
    }),
  ];
}

function authenticatorRoutes(people: People): Route[] {
  return [
    route({
      ...own,
      method: 'POST',
      path: '/account/factors/totp',
      summary: 'Offer a secret for an authenticator app; shown here and never again',
      body: nothing,
      reply: Type.Object({ secret: Type.String(), uri: Type.String(), qr_svg: Type.String() }),
      status: 201,
      secretReply: true,
      handler: async (call) => {
        const { secret, uri, qrSvg } = await offerAuthenticator(people, signedInOf(call));
        return { secret, uri, qr_svg: qrSvg };
      },
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/factors/totp/confirm',
      summary: 'Turn the app on by its first code; answers with backup codes where there were none',
      body: Type.Object({ code: Otp }, closed),
      reply: codes,
      secretReply: true,
      handler: async (call) => {
        const input = { code: call.body.code };
        const { backupCodes } = await confirmAuthenticator(people, visit(people, call), signedInOf(call), input);
        return { backup_codes: backupCodes };
      },
    }),
    route({
      ...own,
      method: 'DELETE',
      path: '/account/factors/totp',
      summary: 'Take the authenticator app away',
      status: 204,
      handler: (call) => removeAuthenticator(people, visit(people, call), signedInOf(call)),
    }),
    route({
      ...own,
      method: 'POST',
      path: '/account/factors/backup-codes',
      summary: 'Ten new backup codes; the old ones are void',
      body: nothing,
      reply: codes,
      status: 201,
      secretReply: true,
      handler: async (call) => ({
        backup_codes: await regenerateBackupCodes(people, visit(people, call), signedInOf(call)),
      }),
    }),
  ];
}

/** A person's second factors: what there is, an authenticator app, backup codes. */
export function factorRoutes(people: People): Route[] {
  return [...overviewRoutes(people), ...authenticatorRoutes(people)];
}

type Passkey = Awaited<ReturnType<typeof passkeysOf>>[number];

/** A passkey as its person sees it. */
export function presentPasskey(row: Passkey) {
  return {
    id: row.id,
    name: row.name,
    backed_up: row.backed_up === 1,
    flagged: row.flagged_at !== null,
    created_at: toTimestamp(row.created_at),
    last_used_at: toTimestamp(row.last_used_at),
  };
}
