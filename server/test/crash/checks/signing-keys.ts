import type { Check, CheckContext } from './check.ts';

interface Listed {
  id: string;
  algorithm: string;
  state: string;
}

const TURNS = 10;

async function read({ api, model, newName }: CheckContext, path: string) {
  const ending = await api.send({ method: 'GET', path, key: model.rootKey, requestId: newName() });
  if (ending?.status !== 200) throw new Error(`${path} was answered ${ending?.status} after the restart`);
  return ending.json;
}

const kids = (keys: readonly { id?: string; kid?: string }[]) => keys.map(({ id, kid }) => id ?? kid).sort();

/** What is published must be what the list says; a job may rotate between the two looks. */
async function published(context: CheckContext): Promise<Listed[]> {
  let said = '';
  for (let turn = 0; turn < TURNS; turn += 1) {
    const { data } = (await read(context, '/v1/signing-keys')) as { data: Listed[] };
    const jwks = kids((await read(context, '/.well-known/jwks.json')).keys).join();
    const listed = kids(data.filter(({ state }) => state !== 'revoked')).join();
    if (jwks === listed) return data;
    said = `JWKS holds ${jwks}, and the list of signing keys ${listed}`;
  }
  context.model.violations.push(said);
  return [];
}

/** One key signs, as the log says; what an emergency has ended stays ended; verifiers are told of all others. */
export const signingKeysAreRight: Check = async (context) => {
  const { model, facts } = context;
  const rows = facts.people.signingKeys;
  const active = rows.filter(({ state }) => state === 'active').map(({ kid }) => kid);
  if (active.length !== 1) model.violations.push(`${active.length} signing keys are active: ${active.join()}`);
  const next = rows.filter(({ state }) => state === 'next');
  if (next.length > 1) model.violations.push(`${next.length} signing keys are next`);
  const rotations = facts.events.filter(({ action }) => action === 'signing_key.rotated');
  const promoted = rotations.at(-1)?.targetId;
  if (promoted !== undefined && promoted !== active[0]) {
    model.violations.push(`the signing key ${promoted} was the last to begin to sign, and ${active[0]} is active`);
  }
  const revoked = new Set(rotations.flatMap(({ data }) => (data.revoked ?? []) as string[]));
  for (const { kid, state } of rows) {
    if (revoked.has(String(kid)) === (state === 'revoked')) continue;
    model.violations.push(`the signing key ${kid} is ${state}, and its revocation is ${revoked.has(String(kid))}`);
  }
  const known = new Set((await published(context)).map(({ id }) => id));
  for (const { people } of model.lanes) {
    for (const token of people.flatMap(({ sessions }) => sessions.flatMap(({ accessTokens }) => accessTokens))) {
      if (!known.has(token.kid)) model.violations.push(`an access token was signed by ${token.kid}, which is no key`);
    }
  }
};
