/** What `GET /v1/auth/verify` answers for the first test key: the same fields, the same size. */
export const REPLY = {
  authenticated: true,
  user_id: 'usr_0VbiEPdM6lq1ZDEzD9tCnv26',
  subject: 'key_0VbiEPdQrk8VndsfHBlERun6',
  subject_issuer: 'http://localhost:4000',
  scopes: ['read', 'write', 'delete', 'api_keys:read', 'api_keys:write', 'api_keys:verify'],
  expires_at: null,
  method: 'api_key',
  environment: 'test',
  workspace_id: 'ws_0VbiEPdMWOCnXomSxl2VaSQv',
  client_id: null,
  credential_id: 'key_0VbiEPdQrk8VndsfHBlERun6',
};

/** What `POST /v1/api-keys/verify` answers for it. */
export const CHECKED = {
  valid: true,
  code: 'valid',
  key_id: 'key_0VbiEPdQrk8VndsfHBlERun6',
  workspace_id: 'ws_0VbiEPdMWOCnXomSxl2VaSQv',
  environment: 'test',
  scopes: ['read', 'write', 'delete', 'api_keys:read', 'api_keys:write', 'api_keys:verify'],
  owner: 'usr_0VbiEPdM6lq1ZDEzD9tCnv26',
  external_id: null,
  metadata: null,
  expires_at: null,
  limit: {
    per_hour: 1_000_000_000,
    per_second: 1_000_000,
    remaining: 999_999_999,
    reset_at: '2030-01-01T00:00:00.000Z',
    retry_after_seconds: null,
    quota: null,
  },
};
