import { isId, type ScopeCatalogue } from '@latchkey/protocol';
import { Failure, invalidField } from '../failure.ts';
import type { Environment, Principal } from '../http/index.ts';
import { problemOfTarget } from '../outbound/index.ts';
import { isForeignAlgorithm, problemOfJwks } from '../remote-keys/index.ts';
import { audienceProblem, type Resource, type Resources } from '../resources/index.ts';
import { refuseBeyondHeld } from '../scopes/index.ts';
import { HMAC, type IssuerAlgorithm, LEAST_SECRET_BYTES, resourceOf } from './issuer.ts';

/** What a caller says of an issuer; what is left out stays, or takes its default. */
export interface IssuerInput {
  audience?: string | null | undefined;
  jwks_uri?: string | undefined;
  jwks?: object | undefined;
  secret?: string | undefined;
  algorithms?: IssuerAlgorithm[] | undefined;
  scopes?: string[] | undefined;
  scope_claim?: string | null | undefined;
  resource?: string | null | undefined;
}

/** An issuer as it is to be: checked as a whole, whether it is new or changed. */
export interface WantedIssuer {
  issuer: string;
  audience: string | null;
  jwksUri: string | null;
  jwks: object | null;
  /** A new one; `hasSecret` where the one from before stays. */
  secret: string | null;
  hasSecret: boolean;
  algorithms: readonly IssuerAlgorithm[];
  scopes: readonly string[];
  resourceId: string | null;
}

export interface WantedContext {
  catalogue: ScopeCatalogue;
  resources: Resources;
  /** Whether `jwks_uri` may be http: where addresses are exempt. */
  allowsHttp: boolean;
  issuer(): string;
}

const KEYS_BY_ADDRESS: readonly IssuerAlgorithm[] = ['ES256', 'RS256'];

export const defaultAlgorithms = (hasSecret: boolean): readonly IssuerAlgorithm[] =>
  hasSecret ? [HMAC] : KEYS_BY_ADDRESS;

const HIDDEN = /\p{C}/u;

/** How else a name may be written and still be read as the same address. */
const addressOf = (text: string): string => (URL.parse(text)?.href ?? text).replace(/\/$/, '');

/** What is wrong with the name of an issuer: any StringOrURI (RFC 7519 §2) but ours, however it is written. */
function issuerProblem(text: string, own: string): string | null {
  if (HIDDEN.test(text)) return 'must hold no control characters';
  if (text.includes(':') && !URL.canParse(text)) return 'must be a URI, since it holds a colon (RFC 7519 §2)';
  if (addressOf(text) === addressOf(own)) return 'must be somebody else: this is the issuer of this very server';
  return isId('application', text)
    ? 'must not be a client_id; an application signs for itself by self_signed_jwt'
    : null;
}

function refuseSources({ jwksUri, jwks, secret, hasSecret }: WantedIssuer, { allowsHttp }: WantedContext): void {
  const given = [jwksUri !== null, jwks !== null, hasSecret].filter(Boolean).length;
  if (given !== 1) throw invalidField('jwks_uri', 'give exactly one of jwks_uri, jwks and secret');
  const problem = jwksUri === null ? null : problemOfTarget(jwksUri);
  if (problem !== null) throw invalidField('jwks_uri', problem);
  if (jwksUri !== null && !allowsHttp && !/^https:/i.test(jwksUri)) {
    throw invalidField('jwks_uri', 'must begin with https://');
  }
  const keysProblem = jwks === null ? null : problemOfJwks(jwks);
  if (keysProblem !== null) throw invalidField('jwks', keysProblem);
  if (secret !== null && Buffer.byteLength(secret) < LEAST_SECRET_BYTES) {
    throw invalidField('secret', `must have at least ${LEAST_SECRET_BYTES} bytes, as many as its hash (RFC 7518 §3.2)`);
  }
}

/** Everything that can be wrong with an issuer whoever asks. Throws `validation_failed`. */
export function refuseWrong(wanted: WantedIssuer, context: WantedContext): void {
  const problem = issuerProblem(wanted.issuer, context.issuer());
  if (problem !== null) throw invalidField('issuer', problem);
  refuseSources(wanted, context);
  const { audience, algorithms, hasSecret, scopes } = wanted;
  if (audience === null && !hasSecret) throw invalidField('audience', 'may be null only with a secret');
  const aimless = audience === null ? null : audienceProblem(audience, context.issuer());
  if (aimless !== null) throw invalidField('audience', aimless);
  const fits = (name: IssuerAlgorithm) => (hasSecret ? name === HMAC : isForeignAlgorithm(name));
  if (!algorithms.every(fits)) {
    throw invalidField('algorithms', hasSecret ? `a secret is for ${HMAC} alone` : `${HMAC} is for a secret alone`);
  }
  const unknown = context.catalogue.unknown(scopes);
  if (unknown.length > 0) throw invalidField('scopes', `unknown: ${unknown.join(', ').slice(0, 300)}`);
}

/** A resource by its id or audience, as it is to be stored. Null stays null: found by the audience at each token. */
export function resourceIdOf(named: string | null | undefined, resources: Resources): string | null {
  if (named === null || named === undefined) return null;
  const found = resources.byId(named) ?? resources.byAudience(named);
  if (!found) throw invalidField('resource', 'there is no such resource: GET /v1/resources lists them');
  return found.id;
}

export function resourceOfWanted(wanted: WantedIssuer, { resources }: WantedContext): Resource {
  return resourceOf(wanted, resources) ?? resources.default();
}

/** No credential lets others do more than it may itself; what they could before is no widening. */
export function refuseWidening(
  principal: Principal,
  catalogue: ScopeCatalogue,
  wanted: readonly string[],
  kept: readonly string[],
): void {
  if (principal.kind === 'root') return;
  refuseBeyondHeld(catalogue, principal, { wanted, kept, refusal: 'You cannot let others do what you may not do' });
}

/** The environment of what a credential makes: its own, where it has one. */
export function environmentOf(principal: Principal, asked: Environment | undefined): Environment {
  const own = principal.environment;
  if (own !== null && asked !== undefined && asked !== own) {
    throw new Failure('wrong_environment', `A ${own} credential makes ${own} issuers only.`);
  }
  return own ?? asked ?? 'test';
}
