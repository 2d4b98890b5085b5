import type { Application } from '../../applications/index.ts';
import { OAuthFailure } from '../../failure.ts';
import type { OutboundReply } from '../../outbound/index.ts';
import { type ClientMetadata, type MetadataContext, settingsOfMetadata } from '../registration/metadata.ts';
import { selfRegisteredScopes } from '../registration/scopes.ts';

/** A document that cannot be used. `problem`: a sentence without subject. */
export function unusable(problem: string): OAuthFailure {
  return new OAuthFailure('invalid_client', `The client metadata document ${problem}.`);
}

const JSON_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json *(?:;|$)/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(body: Buffer): ClientMetadata {
  let parsed: unknown;
  try {
    parsed = JSON.parse(utf8.decode(body));
  } catch {
    throw unusable('is not JSON');
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as ClientMetadata;
  throw unusable('is no JSON object');
}

/** Client ID Metadata Documents §4.1: nobody keeps a secret in a public document. */
const SECRETS = ['client_secret', 'client_secret_expires_at'];
const BY_SECRET = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'];

/** NUL and half surrogates are legal JSON and illegal in databases. */
function isStorable(value: unknown): boolean {
  const text = JSON.stringify(value);
  return !/\\u0000|\\ud[89a-f]/i.test(text);
}

function checkOwn(metadata: ClientMetadata, clientId: string): void {
  if (metadata.client_id !== clientId) throw unusable('names another client_id than its own address');
  const secret = SECRETS.find((name) => metadata[name] !== undefined);
  if (secret !== undefined) throw unusable(`must not hold ${secret}`);
  const method = metadata.token_endpoint_auth_method;
  if (BY_SECRET.includes(String(method))) throw unusable(`must not name ${method}: use none or private_key_jwt`);
  if (!isStorable(metadata)) throw unusable('holds NUL or half of a surrogate pair');
}

/**
 * The application that an answer describes (Client ID Metadata Documents §4): 200 and JSON, its `client_id` the address that
 * was asked, and the rules of every registration (security H6). Throws `invalid_client`. Pure.
 */
export function readDocument(clientId: string, { status, headers, body }: OutboundReply, context: MetadataContext) {
  if (status !== 200) throw unusable(`was answered with ${status}, not with 200`);
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) throw unusable('is not served as application/json');
  const metadata = parse(body);
  checkOwn(metadata, clientId);
  const method = metadata.token_endpoint_auth_method ?? 'none';
  try {
    const settings = settingsOfMetadata({ ...metadata, token_endpoint_auth_method: method }, context);
    const application: Application = {
      ...settings,
      // Told is who registered: this server posts nothing where a stranger's page says.
      backChannelLogoutUri: null,
      needsSessionAtLogout: false,
      id: clientId,
      workspaceId: null,
      scopes: selfRegisteredScopes(context.catalogue),
      usualScopes: settings.scopes,
      isSelfRegistered: true,
      isDisabled: false,
    };
    return application;
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    throw unusable(`cannot be used: ${error.message.replace(/\.$/, '')}`);
  }
}
