import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { sha256Hex } from '../crypto/index.ts';
import type { StoredEvent } from './store.ts';

export const FIRST_HASH = '0'.repeat(64);

/** Everything that an event says, in a fixed order: what the seal covers. */
function canonical(event: StoredEvent): string {
  return JSON.stringify([
    event.seq,
    event.id,
    event.action,
    event.workspace_id,
    event.environment,
    event.actor_kind,
    event.actor_id,
    event.target_id,
    event.request_id,
    event.address,
    event.data,
    event.created_at,
  ]);
}

/** SHA-256 over the previous head, the batch number and each event, a line each. */
export function hashBatch(previousHash: string, number: number, events: readonly StoredEvent[]): string {
  return sha256Hex([previousHash, String(number), ...events.map(canonical)].join('\n'));
}

export function generateAuditKey(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** The public key that belongs to a private key, as `generateAuditKey` writes it. */
export function publicKeyOf(privateKey: string): string {
  return createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
}

/** Ed25519 over the hash's text, base64url. */
export function signHash(hash: string, privateKey: KeyObject): string {
  return sign(null, Buffer.from(hash), privateKey).toString('base64url');
}

export function hashIsSigned(hash: string, signature: string, publicKey: string): boolean {
  return verify(null, Buffer.from(hash), createPublicKey(publicKey), Buffer.from(signature, 'base64url'));
}
