import type { Tx } from '../../database/index.ts';
import { Failure, OAuthFailure } from '../../failure.ts';
import { stepsOf } from '../steps.ts';
import { type Ask, type Asked, actorOf } from './ask.ts';
import type { KeptRefusal } from './entitlement.ts';
import type { FreeGrant, Grant, Redeem, StoredGrant } from './grant.ts';
import { GRANTS } from './grants/index.ts';
import { idTokenBeside } from './id-token-beside.ts';
import { mintAlone } from './mint/alone.ts';
import { mintFirst } from './mint/first-of-consent.ts';
import type { Minted } from './mint/minted.ts';
import { mintNext } from './mint/next-of-family.ts';
import { mintNextOfLogin } from './mint/next-of-login.ts';
import { authorizationDetails } from './rules/authorization-details.ts';
import { offeredGrant } from './rules/offered-grant.ts';
import { provenClient } from './rules/proven-client.ts';
import { registeredGrant } from './rules/registered-grant.ts';
import { wantedAudience } from './rules/wanted-audience.ts';
import { wantedScopes } from './rules/wanted-scopes.ts';

/** What was given, with the ID token beside it. */
export interface Given extends Minted {
  idToken: string | null;
}

async function recordGiven(ask: Ask, tx: Tx, { type }: Grant, minted: Minted): Promise<void> {
  const { accessToken, familyId, userId, scopes, audience, workspaceId, environment } = minted;
  await ask.deps.recordAudit(tx, {
    action: 'access_token.issued',
    actor: actorOf(ask),
    workspaceId,
    environment,
    targetId: accessToken.id,
    data: { grant_type: type, client_id: ask.client.id, user_id: userId, family_id: familyId, scopes, audience },
  });
}

type Found = Awaited<ReturnType<Redeem>>;

function mint(ask: Ask, tx: Tx, found: Exclude<Found, KeptRefusal>): Promise<Minted | KeptRefusal> {
  if (found.kind === 'first_of_consent') return mintFirst(ask, tx, found);
  return found.kind === 'next_of_family' ? mintNext(ask, tx, found) : mintAlone(ask, tx, found);
}

async function giveInside(ask: Ask, tx: Tx, grant: Grant, redeem: Redeem): Promise<Given | KeptRefusal> {
  const found = await redeem(tx);
  if (found.kind === 'kept_refusal') return found;
  const minted = await mint(ask, tx, found);
  if (minted.kind === 'kept_refusal') return minted;
  if (!minted.isRetry) await recordGiven(ask, tx, grant, minted);
  return { ...minted, idToken: await idTokenBeside(ask, tx, minted) };
}

/** In one transaction: what is used up, what it gives, and the record of both. On disk before anything of it is told. */
async function giveStored(ask: Ask, grant: StoredGrant): Promise<Given> {
  const redeem = await grant.entitle(ask);
  const given = await ask.deps.database.write((tx) => giveInside(ask, tx, grant, redeem));
  if (given.kind === 'kept_refusal') throw given.failure;
  if (given.grantId !== null) ask.deps.grants.noteUsed(given.grantId);
  return given;
}

/** Nothing is used up, and nothing is written but an opaque token: there is no record of it but the count. */
async function giveFree(ask: Ask, grant: FreeGrant): Promise<Given> {
  const found = grant.entitle(ask);
  const minted = await (found.kind === 'token_alone' ? mintAlone(ask, null, found) : mintNextOfLogin(ask, found));
  return { ...minted, idToken: null };
}

const give = (ask: Ask, grant: Grant) => (grant.isStored ? giveStored(ask, grant) : giveFree(ask, grant));

/**
 * What another process ended a moment ago was not known here, and refused the epoch: once more, with all of it known and
 * everything that this is given for looked at again.
 */
async function giveLately({ grant, ...ask }: Ask & { grant: Grant }): Promise<{ given: Given }> {
  try {
    return { given: await give(ask, grant) };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'token_revoked') throw error;
  }
  const { deps, client, call } = ask;
  await deps.tokens.load();
  const epoch = deps.tokens.epoch();
  const application = await deps.findApplication(client.id, call.address);
  if (!application || application.isDisabled)
    throw new OAuthFailure('invalid_client', 'The client has been withdrawn.');
  return { given: await give({ ...ask, epoch, client: { ...client, application } }, grant) };
}

/** The token endpoint (RFC 6749 §3.2), rule by rule: the first that refuses is what the client is told. */
export const TOKEN_STEPS = stepsOf<Asked>()
  .next('decision 0010', ({ deps }) => ({ epoch: deps.tokens.epoch() }))
  .next('RFC 6749 §5.2', offeredGrant(GRANTS))
  .next('RFC 6749 §2.3, §3.2.1', provenClient)
  .next('RFC 6749 §5.2', registeredGrant)
  .next('RFC 6749 §3.3', wantedScopes)
  .next('RFC 8707 §2', wantedAudience)
  .next('RFC 9396 §6', authorizationDetails)
  .next('RFC 6749 §4, §6', giveLately);
