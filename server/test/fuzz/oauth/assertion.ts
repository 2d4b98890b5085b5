import { createHmac, sign } from 'node:crypto';
import type { Dice } from '../dice.ts';
import { hostileJson, RawJson, writeJson } from '../values.ts';
import type { Cast, FuzzClient } from './cast.ts';

const encoded = (value: object) => Buffer.from(writeJson(value)).toString('base64url');

const ODD_HEADERS: readonly object[] = [
  { alg: 'none' },
  { alg: 'HS256' },
  { alg: 'ES384' },
  { alg: 'RS256', kid: '../../dev/null' },
  { alg: 'ES256', kid: "' OR 1=1 --" },
  { alg: 'ES256', crit: ['exp'] },
  { alg: 'ES256', b64: false, crit: ['b64'] },
  { alg: 'ES256', jku: 'http://169.254.169.254/', x5u: 'http://127.0.0.1:1/' },
  { alg: 'ES256', typ: 'at+jwt' },
  { alg: new RawJson('{"a":1}') },
  { alg: 'ES256', kid: new RawJson('1e309') },
];

/** A JWT by which a client proves itself or asks for a token; now and then with something wrong in one place. */
export function assertionOf({ issuer, key, nowSeconds }: Cast, client: FuzzClient, dice: Dice, done: string[]): string {
  const isSymmetric = client.proof !== 'key_jwt';
  const now = nowSeconds();
  const claims: Record<string, unknown> = {
    iss: client.id,
    sub: client.id,
    aud: issuer,
    iat: now,
    exp: now + 120,
    jti: `fuzz-${dice.below(1_000_000_000)}`,
  };
  let header: object = isSymmetric ? { alg: 'HS256', typ: 'JWT' } : { alg: 'ES256', kid: 'fuzz', typ: 'JWT' };
  if (dice.chance(0.2)) {
    const name = dice.pick([...Object.keys(claims), 'nbf', 'scope', 'scopes', 'resource', '__proto__']);
    claims[name] = hostileJson(dice);
    done.push(`assertion: ${name}`);
  } else if (dice.chance(0.1)) {
    header = { ...header, ...dice.pick(ODD_HEADERS) };
    done.push('assertion: header');
  }
  const signed = `${encoded(header)}.${encoded(claims)}`;
  const mac = () => createHmac('sha256', client.secret).update(signed).digest('base64url');
  const signature = () => sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const text = `${signed}.${isSymmetric ? mac() : signature()}`;
  if (!dice.chance(0.05)) return text;
  done.push('assertion: cut');
  return dice.pick([text.slice(0, -4), `${text}.x`, text.replaceAll('.', '..'), `${signed}.`, text.slice(1)]);
}
