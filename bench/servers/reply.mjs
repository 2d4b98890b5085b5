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
