import {
  type ApplicationSettings,
  type ApplicationType,
  AUTH_METHODS,
  type ClientAuthMethod,
  checkSettings,
  defaultsOf,
  type GrantType,
  type IdTokenAlgorithm,
  redirectUriProblem,
} from '../../applications/index.ts';
import { Failure, OAuthFailure } from '../../failure.ts';
import type { Environment } from '../../http/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import { selfRegisteredScopes, usualScopes } from './scopes.ts';

/** Client metadata as it came (RFC 7591 §2): a JSON object, and nothing in it looked at. */
export type ClientMetadata = Readonly<Record<string, unknown>>;

export interface MetadataContext {
  catalogue: ScopeCatalogue;
  environment: Environment;
  /** What ID tokens are signed with. */
  idTokenAlgorithms: readonly IdTokenAlgorithm[];
}

const LONGEST_NAME = 100;
const LONGEST_TEXT = 2000;
const LONGEST_SCOPE = 4000;
const MOST_URIS = 20;
const MOST_KEYS = 20;
/** For people alone: a registration belongs to no workspace, so it cannot speak for itself. */
const OPEN_GRANTS: readonly GrantType[] = ['authorization_code', 'refresh_token'];

export const invalidMetadata = (description: string) => new OAuthFailure('invalid_client_metadata', description);
const invalidRedirect = (description: string) => new OAuthFailure('invalid_redirect_uri', description);

/** The body of a registration. Throws `invalid_client_metadata` for all but an object (security H2). */
export function metadataIn(body: unknown): ClientMetadata {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as ClientMetadata;
  throw invalidMetadata('Send the metadata of the client as a JSON object.');
}

function textAt(metadata: ClientMetadata, name: string, longest = LONGEST_TEXT): string | null {
  const value = metadata[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw invalidMetadata(`${name} must be a string.`);
  if (value.length > longest) throw invalidMetadata(`${name} must have at most ${longest} characters.`);
  return value === '' ? null : value;
}

function flagAt(metadata: ClientMetadata, name: string): boolean {
  const value = metadata[name] ?? false;
  if (typeof value !== 'boolean') throw invalidMetadata(`${name} must be true or false.`);
  return value;
}

function textsAt(metadata: ClientMetadata, name: string, most: number): readonly string[] | null {
  const value = metadata[name];
  if (value === undefined || value === null) return null;
  const isList = Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '');
  if (!isList) throw invalidMetadata(`${name} must be a list of strings.`);
  if (value.length > most) throw invalidMetadata(`${name} may have ${most} entries.`);
  return [...new Set(value as string[])];
}

/** What is shown to people stands on one line, and holds nothing that changes how the rest is read. */
function nameOf(metadata: ClientMetadata, redirectUris: readonly string[]): string {
  const name = textAt(metadata, 'client_name', LONGEST_NAME)?.trim();
  if (name !== undefined && /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name)) {
    throw invalidMetadata('client_name must be text on one line.');
  }
  if (name !== undefined && name !== '') return name;
  const site = redirectUris.find((uri) => uri.startsWith('https://') && URL.canParse(uri));
  return site === undefined ? 'Unnamed application' : new URL(site).host.slice(0, LONGEST_NAME);
}

function redirectUrisOf(metadata: ClientMetadata): readonly string[] {
  const uris = textsAt(metadata, 'redirect_uris', MOST_URIS) ?? [];
  if (uris.length === 0) throw invalidRedirect('redirect_uris is required: name at least one.');
  return uris;
}

/** RFC 7591 §2: the server may register fewer than were asked for, and says which. */
function grantTypesOf(metadata: ClientMetadata): readonly GrantType[] {
  const asked = textsAt(metadata, 'grant_types', MOST_URIS) ?? ['authorization_code'];
  const given = OPEN_GRANTS.filter((grant) => asked.includes(grant));
  if (given.includes('authorization_code')) return given;
  throw invalidMetadata('grant_types must name authorization_code: clients that register themselves act for users.');
}

function checkResponseTypes(metadata: ClientMetadata): void {
  const asked = textsAt(metadata, 'response_types', MOST_URIS);
  if (asked !== null && !asked.includes('code')) throw invalidMetadata('response_types must name code.');
}

/** RFC 7591 §2: Basic unless said. */
function authMethodOf(metadata: ClientMetadata): ClientAuthMethod {
  const method = textAt(metadata, 'token_endpoint_auth_method') ?? 'client_secret_basic';
  const known = AUTH_METHODS.find((each) => each === method);
  if (known !== undefined) return known;
  throw invalidMetadata(`token_endpoint_auth_method must be one of ${AUTH_METHODS.join(', ')}.`);
}

const ON_DEVICE = /^(?!https:)/i;

/** One that can be reached only on a device, by its port or a scheme of its own. */
function isOfDevice(metadata: ClientMetadata, redirectUris: readonly string[]): boolean {
  return textAt(metadata, 'application_type') === 'native' || redirectUris.some((uri) => ON_DEVICE.test(uri));
}

/**
 * A client that asks for a secret, but is answered where only a device's own programs are, would not be let in as `web`:
 * it is registered without one, and told so (RFC 7591 §2, RFC 8252 §8.5).
 */
function kindOf(metadata: ClientMetadata, redirectUris: readonly string[], environment: Environment) {
  const asked = authMethodOf(metadata);
  const secretless = isOfDevice(metadata, redirectUris) ? 'native' : 'public';
  const fitsWeb = redirectUris.every((uri) => redirectUriProblem(uri, 'web', environment) === null);
  const fitsSecretless = redirectUris.every((uri) => redirectUriProblem(uri, secretless, environment) === null);
  const keepsSecret = asked !== 'none' && (fitsWeb || !fitsSecretless);
  const type: ApplicationType = keepsSecret ? 'web' : secretless;
  return { type, authMethod: keepsSecret ? asked : ('none' as const) };
}

/**
 * What is named is narrowed to what may be had (RFC 7591 §2); names that are of no scope here are no error. A client that
 * names none but `admin` and its like is refused: it would be given what it never asked for.
 */
function scopesOf(metadata: ClientMetadata, { catalogue }: MetadataContext): readonly string[] {
  const asked = textAt(metadata, 'scope', LONGEST_SCOPE)?.split(' ').filter(Boolean) ?? [];
  const known = asked.filter((name) => catalogue.has(name));
  if (known.length === 0) return usualScopes(catalogue);
  const open = selfRegisteredScopes(catalogue);
  const narrowed = [...new Set(known)].filter((name) => open.includes(name));
  if (narrowed.length > 0) return narrowed;
  throw invalidMetadata(
    'scope names nothing that a client may have that registers itself; leave it out for the usual.',
  );
}

function jwksOf(metadata: ClientMetadata): ApplicationSettings['jwks'] {
  const { jwks } = metadata;
  if (jwks === undefined || jwks === null) return null;
  const keys = typeof jwks === 'object' ? (jwks as Record<string, unknown>).keys : undefined;
  const areKeys = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null);
  if (areKeys && keys.length > 0 && keys.length <= MOST_KEYS) return { keys };
  throw invalidMetadata(`jwks must be a JWK Set of 1 to ${MOST_KEYS} keys.`);
}

/** OpenID Connect Registration §2: what ID tokens could not be is refused, not silently something else (security H3). */
function idTokenAlgorithmOf(metadata: ClientMetadata, { idTokenAlgorithms }: MetadataContext): IdTokenAlgorithm {
  const algorithm = textAt(metadata, 'id_token_signed_response_alg');
  const found = algorithm === null ? idTokenAlgorithms[0] : idTokenAlgorithms.find((each) => each === algorithm);
  if (found !== undefined) return found;
  throw invalidMetadata(`id_token_signed_response_alg must be ${idTokenAlgorithms.join(' or ')}.`);
}

function checkSubjects(metadata: ClientMetadata): void {
  const subjects = textAt(metadata, 'subject_type');
  if (subjects !== null && subjects !== 'public') throw invalidMetadata('subject_type must be public.');
}

/** What the rules of applications say, in the words of RFC 7591 §3.2.2. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== 'validation_failed') return error;
  const [field] = error.details.fields ?? [];
  if (!field) return error;
  const description = `${field.path} ${field.message}.`;
  return field.path.startsWith('redirect_uris') ? invalidRedirect(description) : invalidMetadata(description);
}

/**
 * The application that metadata asks for (RFC 7591 §2). Only what is named here is read: nothing else of an application can
 * be set from outside (security H2). Throws `invalid_redirect_uri`, `invalid_client_metadata`.
 */
export function settingsOfMetadata(metadata: ClientMetadata, context: MetadataContext): ApplicationSettings {
  const redirectUris = redirectUrisOf(metadata);
  checkResponseTypes(metadata);
  checkSubjects(metadata);
  const { type, authMethod } = kindOf(metadata, redirectUris, context.environment);
  const settings: ApplicationSettings = {
    ...defaultsOf(type),
    environment: context.environment,
    name: nameOf(metadata, redirectUris),
    redirectUris,
    postLogoutRedirectUris: textsAt(metadata, 'post_logout_redirect_uris', MOST_URIS) ?? [],
    backChannelLogoutUri: textAt(metadata, 'backchannel_logout_uri'),
    needsSessionAtLogout: flagAt(metadata, 'backchannel_logout_session_required'),
    grantTypes: grantTypesOf(metadata),
    authMethod,
    scopes: scopesOf(metadata, context),
    idTokenAlgorithm: idTokenAlgorithmOf(metadata, context),
    jwks: jwksOf(metadata),
    jwksUri: textAt(metadata, 'jwks_uri'),
    clientUri: textAt(metadata, 'client_uri'),
    logoUri: textAt(metadata, 'logo_uri'),
    policyUri: textAt(metadata, 'policy_uri'),
    tosUri: textAt(metadata, 'tos_uri'),
  };
  try {
    checkSettings(settings);
  } catch (error) {
    throw asRefusal(error);
  }
  return settings;
}
