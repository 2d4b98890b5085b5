// Ceilings: bare Fastify routes with a response schema, with replies of the same size: GET as `/v1/auth/verify`, a JSON
// POST as `/v1/api-keys/verify`, and a form that is answered with one ES256 JWT as `/oauth/token`.
import Fastify from 'fastify';
import { CHECKED, REPLY } from './reply.mjs';
import { signToken } from './sign-token.mjs';

const text = { type: 'string' };
const nullable = { type: ['string', 'null'] };
const texts = { type: 'array', items: text };
const verified = {
  authenticated: { type: 'boolean' },
  user_id: nullable,
  subject: text,
  subject_issuer: nullable,
  scopes: texts,
  expires_at: nullable,
  method: text,
  environment: nullable,
  workspace_id: nullable,
  client_id: nullable,
  credential_id: text,
};
const checked = {
  valid: { type: 'boolean' },
  code: text,
  key_id: nullable,
  workspace_id: nullable,
  environment: nullable,
  scopes: texts,
  owner: nullable,
  external_id: nullable,
  metadata: { type: ['object', 'null'], additionalProperties: text },
  expires_at: nullable,
  limit: { type: 'object', additionalProperties: true },
};
const body = {
  type: 'object',
  required: ['key'],
  additionalProperties: false,
  properties: { key: { type: 'string', maxLength: 4096 } },
};
const replying = (properties) => ({ 200: { type: 'object', properties } });

const app = Fastify();
app.get('/', { schema: { response: replying(verified) } }, (_request, reply) => {
  reply.send(REPLY);
});
app.post('/', { schema: { body, response: replying(checked) } }, (_request, reply) => {
  reply.send(CHECKED);
});
const given = {
  access_token: text,
  token_type: text,
  expires_in: { type: 'integer' },
  scope: text,
};
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, form, done) =>
  done(null, new URLSearchParams(form)),
);
app.post('/token', { schema: { response: replying(given) } }, (request, reply) => {
  const scope = request.body.get('scope');
  reply.send({ access_token: signToken(scope), token_type: 'Bearer', expires_in: 3600, scope });
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
process.stdout.write('{"ready":true}\n');
process.on('SIGTERM', () => process.exit(0));
