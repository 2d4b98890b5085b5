import { readFileSync } from 'node:fs';
import { readSettings } from './settings.js';

const { issuer, resource } = readSettings(process.env);

/** The operator's key: from the environment, or from the folder of a development server. */
const readRootKey = () =>
  process.env.LATCHKEY_ROOT_KEY ?? readFileSync(new URL('../../.latchkey/root-key', import.meta.url), 'utf8').trim();

async function call(method, path, body) {
  const response = await fetch(`${issuer}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${readRootKey()}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const json = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${json.message} ${JSON.stringify(json.fields ?? '')}`);
  return json;
}

/** What people read when a client asks; and who may allow it: everybody whose role holds the scope above. */
const SCOPES = [
  { name: 'notes:read', description: 'See your notes.', above: 'read' },
  { name: 'notes:write', description: 'Add notes.', above: 'write' },
];

async function setUp() {
  const { data: resources } = await call('GET', '/resources');
  const known = resources.find(({ audience }) => audience === resource);
  const { id } = known ?? (await call('POST', '/resources', { name: 'Notes', audience: resource }));
  const { data: scopes } = await call('GET', '/scopes');
  for (const { name, description, above } of SCOPES) {
    if (!scopes.some((scope) => scope.name === name))
      await call('POST', '/scopes', { name, description, resource: id });
    const { implies } = scopes.find((scope) => scope.name === above);
    if (!implies.includes(name)) await call('PATCH', `/scopes/${above}`, { implies: [...implies, name] });
  }
  process.stdout.write(`Latchkey gives tokens for ${resource}\n`);
}

try {
  await setUp();
} catch ({ message, cause }) {
  process.stderr.write(`Setup failed: ${message}${cause ? ` (${cause.message})` : ''}\n`);
  process.exitCode = 1;
}
