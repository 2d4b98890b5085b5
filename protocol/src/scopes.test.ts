import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import vectors from '../vectors/scopes.json' with { type: 'json' };
import { DEFAULT_SCOPES } from './default-scopes.ts';
import { buildScopeCatalogue, type ScopeDefinition } from './scopes.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const NAMES = catalogue.names();
const scopes = fc.subarray(NAMES);

function scope(name: string, implies: string[] = []): ScopeDefinition {
  return { name, implies, description: 'A scope.', sensitive: false, kind: 'product' };
}

function covers(held: ReadonlySet<string>, names: Iterable<string>): boolean {
  return [...names].every((name) => held.has(name));
}

describe('vectors', () => {
  test.each(vectors.cases)('$granted', ({ granted, includes, excludes }) => {
    const expanded = catalogue.expand(granted);
    for (const name of [...granted.filter(catalogue.has), ...includes]) expect(expanded, name).toContain(name);
    for (const name of excludes) expect(expanded, name).not.toContain(name);
  });

  test('name no scope that does not exist, but for the one that should not', () => {
    const named = vectors.cases.flatMap(({ granted, includes, excludes }) => [...granted, ...includes, ...excludes]);
    expect(new Set(catalogue.unknown(named))).toEqual(new Set(['no_such_scope']));
  });
});

describe('the default catalogue', () => {
  test('has exactly the scopes that are promised', () => {
    const verbs = ['read', 'write', 'delete'];
    const typed = ['users', 'projects', 'orders', 'data'].flatMap((type) =>
      verbs.flatMap((verb) => [`${type}:${verb}`, `${verb}:${type}`]),
    );
    const broad = [...verbs, 'admin', 'admin:all', ...verbs.flatMap((verb) => [`${verb}:all`, `${verb}:own`])];
    const managed = ['api_keys', 'applications', 'trusted_issuers', 'webhooks', 'members'].flatMap((name) => [
      `${name}:read`,
      `${name}:write`,
    ]);
    const single = ['audit:read', 'usage:read', 'api_keys:verify', 'guard:read', 'tokens:introspect'];
    const identity = ['offline_access', 'openid', 'profile', 'email'];
    expect(NAMES.toSorted()).toEqual([...typed, ...broad, ...managed, ...single, ...identity].toSorted());
  });

  test('says something of each scope, the same of synonyms', () => {
    for (const { name, description } of DEFAULT_SCOPES) expect(description, name).toMatch(/^[A-Z].{10,}\.$/);
    for (const name of NAMES) {
      for (const other of NAMES) {
        if (!catalogue.expand([name]).has(other) || !catalogue.expand([other]).has(name)) continue;
        expect(catalogue.get(other)?.description).toBe(catalogue.get(name)?.description);
        expect(catalogue.get(other)?.sensitive).toBe(catalogue.get(name)?.sensitive);
      }
    }
  });

  test('warns of what deletes, administers or changes management', () => {
    for (const { name, kind, sensitive } of DEFAULT_SCOPES) {
      if (/delete|admin/.test(name) || (kind === 'management' && name.endsWith(':write'))) {
        expect(sensitive, name).toBe(true);
      }
    }
  });

  test('warns of a scope that leads to one it warns of', () => {
    for (const { name } of DEFAULT_SCOPES.filter(({ sensitive }) => !sensitive)) {
      for (const implied of catalogue.expand([name])) expect(catalogue.get(implied)?.sensitive, name).toBe(false);
    }
  });

  test('admin comes to all product and management scopes and nothing else', () => {
    const expected = DEFAULT_SCOPES.filter(({ kind }) => kind !== 'identity').map(({ name }) => name);
    expect(catalogue.expand(['admin'])).toEqual(new Set(expected));
    expect(catalogue.expand(['admin:all'])).toEqual(new Set(expected));
  });

  test('nothing but admin leads to management, and nothing to identity', () => {
    const notAdmin = NAMES.filter((name) => !name.startsWith('admin'));
    fc.assert(
      fc.property(fc.subarray(notAdmin), (granted) => {
        for (const name of catalogue.expand(granted)) {
          if (catalogue.get(name)?.kind !== 'product') expect(granted).toContain(name);
        }
      }),
    );
  });

  test('read, write and delete never lead to one another', () => {
    for (const [verb, others] of [
      ['read', /write|delete/],
      ['write', /read|delete/],
      ['delete', /read|write/],
    ] as const) {
      for (const name of catalogue.expand([verb])) expect(name).not.toMatch(others);
    }
  });
});

describe('expand', () => {
  test('includes what is granted, is idempotent and monotone', () => {
    fc.assert(
      fc.property(scopes, scopes, (granted, more) => {
        const expanded = catalogue.expand(granted);
        expect(covers(expanded, granted)).toBe(true);
        expect(catalogue.expand(expanded)).toEqual(expanded);
        expect(covers(catalogue.expand([...granted, ...more]), expanded)).toBe(true);
      }),
    );
  });

  test('does not depend on order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(NAMES), (granted) => {
        expect(catalogue.expand(granted)).toEqual(catalogue.expand(granted.toReversed()));
      }),
    );
  });

  test('ignores names that are unknown, also those of object members', () => {
    expect(catalogue.expand(['nope', '__proto__', 'constructor', 'toString', '']).size).toBe(0);
  });

  test('gives a set of its own each time', () => {
    (catalogue.expand(['read:own']) as Set<string>).add('admin');
    expect(catalogue.expand(['read:own'])).toEqual(new Set(['read:own']));
  });

  test('follows long chains and cycles', () => {
    const length = 10_000;
    const chain = Array.from({ length }, (_, index) => scope(`s${index}`, [`s${(index + 1) % length}`]));
    expect(buildScopeCatalogue(chain).expand(['s5']).size).toBe(length);
  });
});

describe('beyond', () => {
  test('names what the held scopes do not cover', () => {
    expect(catalogue.beyond(['read', 'write:data', 'email'], new Set(['read:all']))).toEqual(['write:data', 'email']);
    expect(catalogue.beyond(['read:projects'], new Set(['projects:read']))).toEqual([]);
    expect(catalogue.beyond(['admin'], new Set(NAMES.filter((name) => !name.startsWith('admin'))))).toEqual(['admin']);
  });

  test('always names what is unknown, even when held', () => {
    expect(catalogue.beyond(['nope'], new Set(['nope', 'admin']))).toEqual(['nope']);
  });

  test('agrees with comparing expansions, and is empty for what is held', () => {
    fc.assert(
      fc.property(scopes, scopes, (requested, heldNames) => {
        const held = new Set(heldNames);
        const covered = catalogue.expand(held);
        const expected = requested.filter((name) => !covers(covered, catalogue.expand([name])));
        expect(catalogue.beyond(requested, held)).toEqual(expected);
        expect(catalogue.beyond(held, held)).toEqual([]);
      }),
    );
  });
});

describe('buildScopeCatalogue', () => {
  test('refuses what is defined twice, implied but missing, or badly named', () => {
    expect(() => buildScopeCatalogue([scope('a'), scope('a')])).toThrow(/twice/);
    expect(() => buildScopeCatalogue([scope('a', ['b'])])).toThrow(/not defined/);
    for (const name of ['', 'a b', 'a"', 'a\\', 'é', 'a\n', 'a'.repeat(101)]) {
      expect(() => buildScopeCatalogue([scope(name)]), name).toThrow(RangeError);
    }
    expect(buildScopeCatalogue([scope('a'.repeat(100))]).names()).toHaveLength(1);
  });

  test('answers about names', () => {
    const small = buildScopeCatalogue([scope('b', ['a']), scope('a')]);
    expect(small.names()).toEqual(['b', 'a']);
    expect(small.has('a')).toBe(true);
    expect(small.has('toString')).toBe(false);
    expect(small.get('c')).toBeUndefined();
    expect(small.unknown(['a', 'c', 'd'])).toEqual(['c', 'd']);
  });

  test('is not reached by later changes to the definitions', () => {
    const implies: string[] = [];
    const small = buildScopeCatalogue([scope('a', implies), scope('b')]);
    implies.push('b');
    expect(small.expand(['a'])).toEqual(new Set(['a']));
  });
});
