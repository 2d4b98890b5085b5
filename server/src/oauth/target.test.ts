import { describe, expect, test } from 'vitest';
import type { Resource } from '../resources/index.ts';
import { targetOf } from './target.ts';

const resource = (id: string, audience: string, isDefault = false): Resource => ({
  ...{ id, name: id, audience, isDefault },
  ...{ tokenFormat: 'jwt', signingAlg: 'ES256', accessTokenTtlSeconds: 900, acceptedAudiences: [] },
});
const usual = resource('res_1', 'https://id.example/v1', true);
const root = resource('res_2', 'https://mcp.example');
const plain = resource('res_3', 'billing');
const all = [usual, root, plain];
const resources = {
  byAudience: (audience: string) => all.find((each) => each.audience === audience),
  default: () => usual,
  offering: (scope: string) => (scope === 'tools' ? root : usual),
};
const target = (asking: { resources: string[] | null; scopes: string[] }, ...asked: string[]) => {
  const found = targetOf(asking, resources, asked);
  return 'resource' in found ? found.resource.id : found.refusal;
};
const anything = { resources: null, scopes: ['tools', 'read'] };

describe('one resource (RFC 8707 §2)', () => {
  test('unnamed it is the default one, or the only one that an application may have', () => {
    expect(target(anything)).toBe('res_1');
    expect(target({ resources: [usual.audience, root.audience], scopes: [] })).toBe('res_1');
    expect(target({ resources: [root.audience], scopes: [] })).toBe('res_2');
    expect(target({ resources: [root.audience, plain.audience], scopes: [] })).toContain('name one');
  });

  test('named it is that one, and the same name twice is one', () => {
    expect(target(anything, root.audience)).toBe('res_2');
    expect(target(anything, root.audience, root.audience)).toBe('res_2');
    expect(target(anything, root.audience, usual.audience)).toContain('for each by itself');
  });

  test('the slash of an empty path is the same name; any other difference is another', () => {
    expect(target(anything, 'https://mcp.example/')).toBe('res_2');
    for (const name of [
      'https://mcp.example/x',
      'https://MCP.example',
      'https://id.example/v1/',
      'https://id.example',
    ]) {
      expect(target(anything, name), name).toContain('no such resource');
    }
  });

  test.each(['/v1', 'v1', 'billing', 'https://mcp.example#x', 'https://mcp.example#', 'https://m p', '://x'])(
    '%s is no absolute URI without a fragment',
    (name) => expect(target(anything, name)).toContain('absolute URI'),
  );

  test('an application asks for its own resources, or for those that offer its scopes', () => {
    expect(target({ resources: null, scopes: ['read'] }, root.audience)).toContain('may not ask');
    expect(target({ resources: [usual.audience], scopes: ['tools'] }, root.audience)).toContain('may not ask');
    expect(target({ resources: null, scopes: ['tools'] }, usual.audience)).toBe('res_1');
  });
});
