import fc from 'fast-check';
import { expect, test } from 'vitest';
import { refuse } from './authorization-error.ts';
import { linkTo, responseTo } from './response.ts';

const ISSUER = 'https://id.example';
const to = (redirectUri: string, state: string | null = null, responseMode: 'query' | 'form_post' = 'query') => ({
  clientId: 'app_1',
  redirectUri,
  state,
  responseMode,
});

function locationOf(
  redirectUri: string,
  state: string | null,
  answer = { code: 'c' } as Parameters<typeof responseTo>[2],
) {
  const response = responseTo(to(redirectUri, state), ISSUER, answer);
  if (response.mode !== 'query') throw new Error('another mode');
  return response.location;
}

test('a code and an error say who answers, once, and give the state back', () => {
  expect(locationOf('https://app.example/cb', 's')).toBe(
    'https://app.example/cb?code=c&state=s&iss=https%3A%2F%2Fid.example',
  );
  expect(locationOf('cursor://host/cb', null, refuse('access_denied', 'No.'))).toBe(
    'cursor://host/cb?error=access_denied&error_description=No.&iss=https%3A%2F%2Fid.example',
  );
});

test('A6: parameters of the redirect URI stay, but none that could pass for ours', () => {
  const location = locationOf('https://app.example/cb?tenant=a%20b&code=evil&%63ode=evil&iss=x&error=y&state=z&x', 's');
  const { searchParams, search } = new URL(location);
  expect(search.startsWith('?tenant=a%20b&x&')).toBe(true);
  for (const name of ['code', 'iss', 'state']) expect(searchParams.getAll(name)).toHaveLength(1);
  expect(searchParams.get('code')).toBe('c');
  expect(searchParams.get('error')).toBeNull();
});

test('A10, A25: whatever the state is, it comes back as it was, and every name of ours occurs once', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'a&=%+ #?"äß\u2028😀'), minLength: 1 }),
      fc.webUrl({ withQueryParameters: true }),
      (state, uri) => {
        const { searchParams } = new URL(locationOf(uri, state));
        expect(searchParams.getAll('state')).toEqual([state]);
        expect(searchParams.getAll('iss')).toEqual([ISSUER]);
        expect(searchParams.getAll('code')).toEqual(['c']);
      },
    ),
  );
});

test('form_post has the fields apart; its link has them in the URL', () => {
  const response = responseTo(to('https://app.example/cb?a=1&code=x', '"><script>', 'form_post'), ISSUER, {
    code: 'c',
  });
  expect(response).toEqual({
    mode: 'form_post',
    action: 'https://app.example/cb?a=1',
    fields: [
      ['code', 'c'],
      ['state', '"><script>'],
      ['iss', ISSUER],
    ],
  });
  expect(new URL(linkTo(response)).searchParams.get('state')).toBe('"><script>');
});
