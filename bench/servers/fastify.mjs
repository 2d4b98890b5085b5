// Ceiling: a bare Fastify route with a response schema, with a reply of the same size.
import Fastify from 'fastify';
import { REPLY } from './reply.mjs';

const text = { type: 'string' };
const nullable = { type: ['string', 'null'] };
const properties = {
  authenticated: { type: 'boolean' },
  user_id: nullable,
  subject: text,
  subject_issuer: nullable,
  scopes: { type: 'array', items: text },
  expires_at: nullable,
  method: text,
  environment: nullable,
  workspace_id: nullable,
  client_id: nullable,
  credential_id: text,
};
const app = Fastify();
app.get('/', { schema: { response: { 200: { type: 'object', properties } } } }, (_request, reply) => {
  reply.send(REPLY);
});
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
process.stdout.write('{"ready":true}\n');
process.on('SIGTERM', () => process.exit(0));
