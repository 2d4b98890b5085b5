import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Static } from 'typebox';
import { Failure, invalidField } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import { limitsFromJson, type PlanTable } from '../limits/index.ts';
import type { Resources } from '../resources/index.ts';
import { type ApplicationType, ID_TOKEN_ALGORITHMS } from './application.ts';
import { DEFAULT_GRANT_TYPES } from './rules.ts';
import type { applicationPatchBody, newApplicationBody } from './schemas.ts';
import type { ApplicationSettings } from './settings.ts';

type NewInput = Static<typeof newApplicationBody>;
type PatchInput = Static<typeof applicationPatchBody>;
type Settable = Omit<PatchInput, 'state' | 'workspace_id'>;

/** What must be known to read a body: who asks, and what exists. */
export interface ReadingContext {
  principal: Principal;
  plans: PlanTable;
  catalogue: ScopeCatalogue;
  resources: Resources;
}

function checkPlan({ plan, limits }: Settable, { principal, plans }: ReadingContext): void {
  const isRoot = principal.kind === 'root';
  if (plan != null && !plans.has(plan)) throw invalidField('plan', 'is not a plan');
  if (plan != null && !isRoot && !plans.get(plan)?.offered) {
    throw new Failure('forbidden', 'This plan is given by the operator only.');
  }
  if (limits !== undefined && !isRoot) throw new Failure('forbidden', 'Own limits are given by the operator only.');
}

/** Named by audience or id, kept by id: a resource may get another audience. */
function resourceIdsOf(named: readonly string[], { resources }: ReadingContext): string[] {
  const ids = named.map((each, index) => {
    const found = resources.byAudience(each) ?? resources.byId(each);
    if (!found) throw invalidField(`resources.${index}`, 'is no resource; see GET /v1/resources');
    return found.id;
  });
  return [...new Set(ids)];
}

function refuseUnknownScopes(scopes: readonly string[], { catalogue }: ReadingContext): void {
  const unknown = catalogue.unknown(scopes);
  if (unknown.length > 0) throw invalidField('scopes', `unknown: ${unknown.join(', ').slice(0, 300)}`);
}

/** What people are shown stands on one line, and holds nothing that changes how the rest is read (security A15). */
function refuseHiddenName(name: string): void {
  if (!/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(name)) return;
  throw invalidField('name', 'must be text on one line, without characters that turn its direction');
}

/** Those settings that a body says; the others are left out. */
function saidIn(input: Settable, context: ReadingContext): Partial<ApplicationSettings> {
  checkPlan(input, context);
  if (input.scopes !== undefined) refuseUnknownScopes(input.scopes, context);
  if (input.name !== undefined) refuseHiddenName(input.name);
  const { resources, limits, refresh_token_rotation: rotation } = input;
  const said: { [K in keyof ApplicationSettings]?: ApplicationSettings[K] | undefined } = {
    name: input.name?.trim(),
    scopes: input.scopes,
    redirectUris: input.redirect_uris,
    postLogoutRedirectUris: input.post_logout_redirect_uris,
    backChannelLogoutUri: input.backchannel_logout_uri,
    needsSessionAtLogout: input.backchannel_logout_session_required,
    resources: resources == null ? resources : resourceIdsOf(resources, context),
    grantTypes: input.grant_types,
    authMethod: input.token_endpoint_auth_method,
    requirePkce: input.require_pkce,
    consent: input.consent,
    refreshTokens: input.refresh_tokens,
    rotatesRefreshTokens: rotation === undefined ? undefined : rotation === 'always',
    accessTokenTtlSeconds: input.access_token_ttl_seconds,
    idTokenAlgorithm: input.id_token_signed_response_alg,
    allowsSelfSignedJwt: input.self_signed_jwt,
    jwks: input.jwks as ApplicationSettings['jwks'] | undefined,
    jwksUri: input.jwks_uri,
    clientUri: input.client_uri,
    logoUri: input.logo_uri,
    policyUri: input.policy_uri,
    tosUri: input.tos_uri,
    plan: input.plan,
    limits: limits == null ? limits : limitsFromJson(limits),
  };
  const entries = Object.entries(said).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<ApplicationSettings>;
}

/** What an application of a type is like where nobody says otherwise (contract §6). */
export function defaultsOf(type: ApplicationType): Omit<ApplicationSettings, 'name' | 'environment' | 'scopes'> {
  const isPublic = type === 'public' || type === 'native';
  return {
    type,
    grantTypes: DEFAULT_GRANT_TYPES[type],
    authMethod: isPublic ? 'none' : null,
    redirectUris: [],
    postLogoutRedirectUris: [],
    backChannelLogoutUri: null,
    needsSessionAtLogout: false,
    resources: null,
    requirePkce: isPublic,
    consent: 'ask',
    refreshTokens: 'always',
    rotatesRefreshTokens: isPublic,
    accessTokenTtlSeconds: null,
    idTokenAlgorithm: ID_TOKEN_ALGORITHMS[0],
    allowsSelfSignedJwt: false,
    jwks: null,
    jwksUri: null,
    clientUri: null,
    logoUri: null,
    policyUri: null,
    tosUri: null,
    plan: null,
    limits: null,
  };
}

/** A wanted application, from a body that fits its schema; not yet checked as a whole. */
export function settingsFrom(input: NewInput, context: ReadingContext): ApplicationSettings {
  const { type = 'web', name, scopes, environment, workspace_id: _, ...rest } = input;
  return {
    ...defaultsOf(type),
    environment: environment ?? context.principal.environment ?? 'test',
    ...saidIn({ ...rest, scopes, name }, context),
    name: name.trim(),
    scopes,
  };
}

/** What a patch changes. */
export function changesFrom(
  { state, workspace_id: _, ...input }: PatchInput,
  context: ReadingContext,
): { settings: Partial<ApplicationSettings>; isDisabled: boolean | undefined } {
  return { settings: saidIn(input, context), isDisabled: state === undefined ? undefined : state === 'disabled' };
}
