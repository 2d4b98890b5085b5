import type { World } from './callers.ts';
import type { Dice } from './dice.ts';
import type { Lane } from './lane.ts';
import type { Schema } from './operations.ts';
import { PASSWORD } from './people.ts';
import { decoySecret, HOSTILE_TEXTS } from './values.ts';

/** What a value is made from. */
export interface Source {
  dice: Dice;
  lane: Lane;
  world: World;
  /** Workspace of the caller. */
  workspaceId: string | null;
}

const BCRYPT = '$2b$04$abcdefghijklmnopqrstuuS1HQ6jXJc0SqZ8l8sYz6qJ0bYl1Qb5e';

/**
 * Texts that mean something in a field of this name, because a schema alone does not say so. A field that is not here
 * gets the common ones, as far as they fit its pattern.
 */
const MEANINGFUL: Record<string, (source: Source) => readonly string[]> = {
  expires_at: () => ['2040-01-31T12:00:00Z', '2031-06-01T00:00:00.123Z'],
  expires_in: () => ['1h', '90d', '2s'],
  rotate_after: () => ['90d', '1h'],
  overlap: () => ['0s', '1h', '24h'],
  ip_allowlist: () => ['127.0.0.1', '127.0.0.0/8', '10.1.2.0/24', '2001:db8::/32', '::1'],
  ip: () => ['127.0.0.1', '::1', '10.0.0.1'],
  scopes: ({ world, lane, dice }) => [dice.pick(world.scopes), 'read', 'write', ...lane.made('/scopes')],
  implies: ({ world, lane }) => [...world.scopes.slice(0, 8), ...lane.made('/scopes')],
  acr_values: () => ['urn:latchkey:acr:1fa', 'urn:latchkey:acr:1fa urn:latchkey:acr:2fa'],
  scope: () => ['read', 'read write', 'projects:read,orders:read'],
  plan: ({ lane }) => ['standard', 'starter', ...lane.made('/plans')],
  workspace_id: ({ world, workspaceId, lane }) => [
    workspaceId ?? world.ownWorkspace,
    world.ownWorkspace,
    world.otherWorkspace,
    ...lane.made('/workspaces'),
  ],
  owner: () => ['customer-42', 'usr_000000000000000000000000'],
  external_id: ({ dice }) => ['same', `external-${dice.below(50)}`],
  key: ({ lane, dice, world }) => [decoySecret(dice), dice.pick(world.callers).credential ?? 'none', ...lane.secrets],
  value: ({ dice }) => [Buffer.from(dice.bytes(32)).toString('hex'), BCRYPT],
  lookup_prefix: () => ['legacy_key_'],
  cursor: ({ lane }) => lane.cursors,
  email: ({ world, dice }) => [dice.pick(world.emails), `fuzz-${dice.below(1000)}@example.com`],
  username: ({ world, dice }) => [dice.pick(world.emails)],
  // The right one, mostly: a wrong one is a guess, of which an account takes ten an hour.
  password: ({ dice }) => [dice.chance(0.9) ? PASSWORD : 'a wrong password of the fuzz run'],
  new_password: () => ['another password of the fuzz run'],
  otp: () => ['123456', 'abcd-efgh-jkmn'],
  code: () => ['123456'],
  role: () => ['viewer', 'developer'],
  user_id: ({ lane }) => [...lane.idsLike(/^usr_/), 'usr_000000000000000000000000'],
  return_to: () => ['/account', '/account/sessions', '//evil.example', 'https://evil.example/'],
  redirect_uris: ({ dice }) => [
    `https://app.example/cb${dice.below(9)}`,
    'http://localhost:3000/cb',
    'com.example.app:/cb',
  ],
  post_logout_redirect_uris: () => ['https://app.example/bye'],
  backchannel_logout_uri: () => ['https://app.example/logged-out'],
  resources: ({ lane }) => lane.made('/resources'),
  grant_types: () => ['authorization_code', 'refresh_token', 'client_credentials'],
  jwks_uri: () => ['https://app.example/jwks'],
  client_uri: () => ['https://app.example'],
  logo_uri: () => ['https://app.example/logo.png'],
  policy_uri: () => ['https://app.example/policy'],
  tos_uri: () => ['https://app.example/tos'],
  resource: ({ lane }) => lane.made('/resources'),
  audience: ({ dice }) => [`https://api.example.com/${dice.below(1000)}`, 'urn:example:api'],
  issuer: ({ dice }) => [`https://idp.example/${dice.below(1000)}`, `urn:example:${dice.below(1000)}`, 'billing'],
  secret: ({ dice }) => [Buffer.from(dice.bytes(32)).toString('hex')],
  scope_claim: () => ['scp', 'permissions'],
  accepted_audiences: ({ dice }) => [`https://api.example.com/${dice.below(1000)}`],
};

const COMMON = ['fuzz', 'x', 'A longer name, with words', 'name.with-signs_1', '42'];

const STORABLE_TEXTS = HOSTILE_TEXTS.filter((text) => text.isWellFormed() && !text.includes('\0'));

function fits(text: string, schema: Schema): boolean {
  const { pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const { length } = [...text];
  return length >= minLength && length <= maxLength && (pattern === undefined || new RegExp(pattern, 'u').test(text));
}

function fittingText(name: string, schema: Schema, source: Source): string {
  const { dice, lane } = source;
  const meant = MEANINGFUL[name]?.(source) ?? [];
  const known = schema.pattern === undefined ? [] : lane.idsLike(new RegExp(schema.pattern, 'u'));
  // What a field may hold and nobody thought of goes deepest.
  if (meant.length === 0 && dice.chance(0.35)) {
    const allowed = STORABLE_TEXTS.filter((text) => fits(text, schema));
    if (allowed.length > 0) return dice.pick(allowed);
  }
  const unique = `${dice.pick(COMMON)} ${dice.below(1_000_000)}`;
  const choices = meant.length > 0 ? meant : [...known, unique, unique.replaceAll(' ', '-'), ...COMMON];
  const fitting = choices.filter((text) => fits(text, schema));
  return fitting.length > 0 ? dice.pick(fitting) : dice.pick(COMMON);
}

function fittingNumber({ minimum = 0, maximum = 1_000_000 }: Schema, { dice }: Source): number {
  const span = Math.min(maximum - minimum, 1000);
  return dice.pick([minimum, maximum, minimum + 1, minimum + dice.below(span + 1)]);
}

function fittingObject(schema: Schema, source: Source): Record<string, unknown> {
  const { dice } = source;
  const required = new Set(schema.required);
  const entries = Object.entries(schema.properties ?? {})
    .filter(([name]) => required.has(name) || dice.chance(0.15))
    .map(([name, each]) => [name, fittingValue(name, each, source)]);
  const free = Object.values(schema.patternProperties ?? {})[0] ?? schema.additionalProperties;
  if (typeof free === 'object') {
    for (let count = dice.below(4); count > 0; count -= 1) entries.push([`k${count}`, fittingValue('', free, source)]);
  }
  return Object.fromEntries(entries);
}

/** A value that the schema lets pass, or nearly so. `name` is that of the field, or of the list that it stands in. */
export function fittingValue(name: string, schema: Schema, source: Source): unknown {
  const { dice } = source;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return dice.pick(schema.enum);
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return fittingValue(name, dice.pick(choice), source);
  const types = [schema.type ?? 'string'].flat();
  const type = types.length > 1 && dice.chance(0.15) ? dice.pick(types) : types[0];
  switch (type) {
    case 'object':
      return fittingObject(schema, source);
    case 'array': {
      const count = Math.min((schema.minItems ?? 0) + dice.below(3), schema.maxItems ?? 3);
      const items = Array.from({ length: count }, () => fittingValue(name, schema.items ?? {}, source));
      return items.every((item) => typeof item === 'string') ? [...new Set(items)] : items;
    }
    case 'integer':
    case 'number':
      return fittingNumber(schema, source);
    case 'boolean':
      return dice.chance(0.5);
    case 'null':
      return null;
    default:
      return fittingText(name, schema, source);
  }
}
