import { DURATION_PATTERN } from '@latchkey/protocol';
import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { InvalidInput, useSchemas } from './validation.ts';

const item = {
  type: 'object',
  required: ['name', 'scopes', 'owner'],
  properties: { name: { type: 'string' }, scopes: { type: 'array' }, owner: { type: 'string' } },
};

async function problemsOf(payload: object): Promise<unknown> {
  const app = Fastify();
  useSchemas(app);
  const keys = { type: 'array', maxItems: 1000, items: item };
  app.post('/', { schema: { body: { type: 'object', properties: { keys } } } }, () => 'fits');
  app.setErrorHandler((error, _request, reply) => reply.send(error instanceof InvalidInput ? error.problems : error));
  const reply = await app.inject({ method: 'POST', url: '/', payload });
  await app.close();
  return JSON.parse(reply.body);
}

const tooMany = { path: 'keys', message: 'must NOT have more than 1000 items' };

test('a small body is told every problem', async () => {
  expect(await problemsOf({ keys: [{ owner: 'x' }] })).toEqual([
    { path: 'keys.0.name', message: 'is required' },
    { path: 'keys.0.scopes', message: 'is required' },
  ]);
});

test('a large body is told the first, and an array that is too long is that, before its items are walked', async () => {
  expect(await problemsOf({ keys: Array(5000).fill({}) })).toEqual([tooMany]);
  const wide = { name: 'x', scopes: Array(6000).fill('y') };
  expect(await problemsOf({ keys: [wide, {}] })).toEqual([{ path: 'keys.0.owner', message: 'is required' }]);
});

test('a duration and a blank name are told in words, not as regular expressions', async () => {
  const app = Fastify();
  useSchemas(app);
  const properties = {
    overlap: { type: 'string', pattern: DURATION_PATTERN },
    name: { type: 'string', pattern: '\\S' },
    code: { type: 'string', pattern: '^[a-z]+$' },
  };
  app.post('/', { schema: { body: { type: 'object', properties } } }, () => 'fits');
  app.setErrorHandler((error, _request, reply) => reply.send(error instanceof InvalidInput ? error.problems : error));
  const payload = { overlap: '1 month', name: ' ', code: 'A' };
  expect((await app.inject({ method: 'POST', url: '/', payload })).json()).toEqual([
    { path: 'overlap', message: 'must be a duration such as 90s, 30m, 24h or 30d' },
    { path: 'name', message: 'must not be blank' },
    { path: 'code', message: 'must match pattern "^[a-z]+$"' },
  ]);
  await app.close();
});
