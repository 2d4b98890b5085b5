import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { identityHeaders } from '../../src/access/gate.ts';
import { makeKey } from '../domains/installation.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { deploy } from './proxies.ts';

// Traefik and Envoy are in no Debian release, so nothing here runs them: their files are parsed, the names in them are
// compared with those of the documentation, and what they ask is asked of a real gate.

// biome-ignore lint/suspicious/noExplicitAny: configurations are looked into freely
type Node = any;

const load = (path: string): Node => parse(readFileSync(join(deploy, path), 'utf8'));
const [fixed, traefik, envoy] = ['traefik/traefik.yaml', 'traefik/latchkey.yaml', 'envoy/envoy.yaml'].map(load);

const nobody = {
  method: 'api_key',
  userId: null,
  subject: null,
  workspaceId: null,
  clientId: null,
  credentialId: null,
};
const IDENTITY = Object.keys(
  identityHeaders(
    { ...nobody, environment: null, grantedScopes: [] } as unknown as Parameters<typeof identityHeaders>[0],
    '',
  ),
);

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(stopServers);

/** Asserts that a gate understands what a proxy asks, and that it asks for something. */
async function expectAsked(path: string): Promise<void> {
  const { pathname, searchParams } = new URL(path, 'http://latchkey');
  expect([pathname, [...searchParams.keys()].sort()]).toEqual(['/v1/gate', ['environment', 'scope']]);
  const environment = searchParams.get('environment');
  const holder = await makeKey(server, { environment, scopes: (searchParams.get('scope') ?? '').split(',') });
  expect((await server.call(path, { key: holder.key })).status).toBe(200);
  const other = await makeKey(server, { environment, scopes: [] });
  expect((await server.call(path, { key: other.key })).status).toBe(403);
}

const namesIn = (node: Node) => Object.keys(node ?? {});

describe('the files for Traefik', () => {
  const { routers, middlewares, services } = traefik.http;

  test('use names of its documentation, and refer to what is there', () => {
    expect(namesIn(fixed)).toEqual(['entryPoints', 'providers']);
    expect(namesIn(fixed.entryPoints.web)).toEqual(['address', 'http']);
    expect(namesIn(fixed.entryPoints.web.http)).toEqual(['aliasHeadersStrategy', 'encodedCharacters']);
    for (const [name, value] of Object.entries(fixed.entryPoints.web.http.encodedCharacters)) {
      expect([name, value]).toEqual([
        expect.stringMatching(/^allowEncoded(?:Slash|BackSlash|NullCharacter|Semicolon|Percent|QuestionMark|Hash)$/),
        false,
      ]);
    }
    for (const router of Object.values<Node>(routers)) {
      for (const name of namesIn(router))
        expect(['rule', 'priority', 'entryPoints', 'middlewares', 'service']).toContain(name);
      expect(services).toHaveProperty(router.service);
      for (const name of router.middlewares) expect(middlewares).toHaveProperty(name);
      for (const name of router.entryPoints) expect(fixed.entryPoints).toHaveProperty(name);
    }
    for (const middleware of Object.values<Node>(middlewares)) {
      const [kind, ...more] = namesIn(middleware);
      expect([kind, more]).toEqual([expect.toBeOneOf(['forwardAuth', 'headers']), []]);
      const options =
        kind === 'headers' ? ['customRequestHeaders'] : ['address', 'trustForwardHeader', 'authResponseHeaders'];
      expect(namesIn(middleware[kind ?? ''])).toEqual(options);
    }
  });

  test('guard every router but the open path, after the caller’s own copies are gone', async () => {
    const guarded = Object.values<Node>(routers).filter(({ rule }) => rule !== 'Path(`/healthz`)');
    expect(guarded).toHaveLength(namesIn(routers).length - 1);
    for (const { middlewares: chain } of Object.values<Node>(routers)) expect(chain[0]).toBe('plain-headers');
    for (const { middlewares: chain } of guarded) {
      const { forwardAuth } = middlewares[chain[1]];
      expect(forwardAuth.trustForwardHeader).toBe(false);
      expect(forwardAuth.authResponseHeaders.map((name: string) => name.toLowerCase())).toEqual(IDENTITY);
      const { origin, pathname, search } = new URL(forwardAuth.address);
      expect(origin).toBe('http://127.0.0.1:4000');
      await expectAsked(pathname + search);
    }
    const cleared = middlewares['plain-headers'].headers.customRequestHeaders;
    expect(namesIn(cleared).map((name) => name.toLowerCase())).toEqual(expect.arrayContaining(IDENTITY));
    expect(new Set(Object.values(cleared))).toEqual(new Set(['']));
  });

  test('ask the catch-all last', () => {
    const order = Object.values<Node>(routers).sort((a, b) => a.priority - b.priority);
    expect(order[0].rule).toBe('PathPrefix(`/`)');
    expect(new Set(order.map(({ priority }) => priority)).size).toBe(order.length);
  });
});

describe('the file for Envoy', () => {
  const { listeners, clusters } = envoy.static_resources;
  const manager = listeners[0].filter_chains[0].filters[0].typed_config;
  const filters: Node[] = manager.http_filters;
  const authorization = filters[1].typed_config;
  const [{ routes }] = manager.route_config.virtual_hosts;
  const FILTER = 'envoy.filters.http.ext_authz';

  test('uses names of its API, and refers to what is there', () => {
    expect(filters.map(({ name }) => name)).toEqual([
      'envoy.filters.http.header_mutation',
      FILTER,
      'envoy.filters.http.router',
    ]);
    const types = [...JSON.stringify(envoy).matchAll(/"@type":"([^"]+)"/g)].map(([, type]) => type);
    for (const type of types)
      expect(type).toMatch(/^type\.googleapis\.com\/envoy\.extensions\.filters\.[a-z_.]+\.v3\.[A-Za-z]+$/);
    expect(namesIn(authorization)).toEqual([
      '@type',
      'transport_api_version',
      'failure_mode_allow',
      'status_on_error',
      'encode_raw_headers',
      'allowed_headers',
      'http_service',
    ]);
    const known = clusters.map(({ name }: Node) => name);
    for (const { route } of routes) expect(known).toContain(route.cluster);
    for (const { name, load_assignment } of clusters) expect(load_assignment.cluster_name).toBe(name);
  });

  test('fails closed, and reads paths and headers one way', () => {
    expect([authorization.failure_mode_allow, authorization.status_on_error]).toEqual([
      false,
      { code: 'ServiceUnavailable' },
    ]);
    expect(manager).toMatchObject({
      use_remote_address: true,
      xff_num_trusted_hops: 0,
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: 'REJECT_REQUEST',
      common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' },
    });
    expect(manager).not.toHaveProperty('upgrade_configs');
    const removed = filters[0].typed_config.mutations.request_mutations.map(({ remove }: Node) => remove);
    expect(removed).toEqual(expect.arrayContaining(IDENTITY));
  });

  test('asks the gate on every route but the open path', async () => {
    const services = routes.flatMap((each: Node) => {
      const own = each.typed_per_filter_config?.[FILTER];
      if (own?.disabled) {
        expect(each.match).toEqual({ path: '/healthz' });
        return [];
      }
      return [own?.check_settings.http_service ?? authorization.http_service];
    });
    expect(services).toHaveLength(routes.length - 1);
    for (const service of services) {
      expect(namesIn(service)).toEqual(['server_uri', 'path_override', 'authorization_response']);
      expect(service.server_uri).toEqual({ uri: 'http://127.0.0.1:4000', cluster: 'latchkey', timeout: '2s' });
      const { patterns } = service.authorization_response.allowed_upstream_headers;
      expect(patterns.map(({ exact }: Node) => exact)).toEqual(IDENTITY);
      await expectAsked(service.path_override);
    }
    expect(routes.at(-1).match).toEqual({ prefix: '/' });
  });
});
