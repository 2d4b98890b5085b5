import { createDecipheriv, createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Opens what the server sealed (`server/src/crypto/seal.ts`), with the keys that it made in its data dir. */
function unseal(folder, sealed, context) {
  const [id] = sealed.split(':', 1);
  const keys = readFileSync(join(folder, 'encryption-keys'), 'utf8').trim().split(',');
  const key = keys.find((each) => each.startsWith(`${id}:`)).slice(id.length + 1);
  const bytes = Buffer.from(sealed.slice(id.length + 1), 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'base64'), bytes.subarray(0, 12));
  decipher.setAAD(Buffer.from(`${id}:${context}`)).setAuthTag(bytes.subarray(-16));
  return decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8');
}

/** An access token as a login would give it, good for a day: signed with the key in the stopped server's file. */
export function seedToken({ folder, issuer, workspaceId }) {
  const database = new DatabaseSync(join(folder, 'latchkey.sqlite'));
  const row = database.prepare("select kid, private_key_sealed from signing_keys where state = 'active'").get();
  const { number: epoch } = database.prepare("select number from token_watermarks where subject = 'epoch'").get();
  database.close();
  const privateKey = createPrivateKey(unseal(folder, row.private_key_sealed, `signing_keys.private_key:${row.kid}`));
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: `usr_${'0'.repeat(24)}`,
    aud: `${issuer}/v1`,
    client_id: 'latchkey',
    iat,
    exp: iat + 86_400,
    jti: `tok_${randomUUID().replaceAll('-', '').slice(0, 24)}`,
    scope: 'read write delete',
    workspace_id: workspaceId,
    environment: 'test',
    epoch,
    sid: 'ses_bench',
  };
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: row.kid })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}
