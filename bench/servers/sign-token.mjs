import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'k_0VbiEPdMWOCnXomSxl2VaSQv' });

/** r and s as JWS has them, of DER: so it is twice as fast as by `dsaEncoding: 'ieee-p1363'`. */
function rawOf(der) {
  const raw = Buffer.alloc(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1];
    const skipped = Math.max(0, length - 32);
    der.copy(raw, end - (length - skipped), at + 2 + skipped, at + 2 + length);
    at += 2 + length;
  }
  return raw;
}

/** One ES256 JWT with the claims of an access token, signed by node:crypto. */
export function signToken(scope) {
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'http://localhost:4000',
    sub: 'app_0VbiEPdQrk8VndsfHBlERun6',
    aud: 'https://api.bench.example',
    client_id: 'app_0VbiEPdQrk8VndsfHBlERun6',
    iat,
    exp: iat + 3600,
    jti: randomUUID(),
    scope,
    workspace_id: 'ws_0VbiEPdMWOCnXomSxl2VaSQv',
    environment: 'live',
    epoch: 1,
  };
  const input = `${HEADER}.${encoded(claims)}`;
  return `${input}.${rawOf(sign('sha256', Buffer.from(input), privateKey)).toString('base64url')}`;
}
