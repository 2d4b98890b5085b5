import { type ApplicationRow, settingsOf } from '../../applications/index.ts';

export interface Shown {
  row: ApplicationRow;
  /** Only where it was made in this call: nobody keeps it. */
  clientSecret: string | null;
  registrationToken: string;
}

const seconds = (timeMs: number) => Math.floor(timeMs / 1000);

/** A registration as it is: all that counts of it, whatever was asked for (RFC 7591 §3.2.1, RFC 7592 §3). */
export function presentRegistration(
  { row, clientSecret, registrationToken }: Shown,
  url: (path: string) => string,
): Record<string, unknown> {
  const settings = settingsOf(row);
  const { jwks, jwksUri, clientUri, logoUri, policyUri, tosUri, postLogoutRedirectUris, type } = settings;
  const { backChannelLogoutUri } = settings;
  const told = {
    client_uri: clientUri,
    logo_uri: logoUri,
    policy_uri: policyUri,
    tos_uri: tosUri,
    jwks,
    jwks_uri: jwksUri,
    post_logout_redirect_uris: postLogoutRedirectUris.length > 0 ? postLogoutRedirectUris : null,
    backchannel_logout_uri: backChannelLogoutUri,
    backchannel_logout_session_required: backChannelLogoutUri === null ? null : settings.needsSessionAtLogout,
  };
  return {
    client_id: row.id,
    client_id_issued_at: seconds(row.created_at),
    // RFC 7591 §3.2.1: required beside a secret; 0 for one that does not expire.
    ...(clientSecret === null ? {} : { client_secret: clientSecret, client_secret_expires_at: 0 }),
    registration_access_token: registrationToken,
    registration_client_uri: url(`/oauth/register/${row.id}`),
    client_name: row.name,
    redirect_uris: settings.redirectUris,
    grant_types: settings.grantTypes,
    response_types: ['code'],
    token_endpoint_auth_method: settings.authMethod,
    application_type: type === 'native' ? 'native' : 'web',
    scope: settings.scopes.join(' '),
    subject_type: 'public',
    id_token_signed_response_alg: settings.idTokenAlgorithm,
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)),
  };
}
