import type { RandomBytes } from './random.ts';
import { seal, unseal } from './seal.ts';

/** One of LATCHKEY_ENCRYPTION_KEYS: the first encrypts, all decrypt. */
export interface EncryptionKey {
  id: string;
  bytes: Uint8Array;
}

/** Encrypts secrets that must be read back. A sealed text names its key: `id:…`; `context` binds it to its row. */
export interface Envelope {
  seal(plaintext: string, context: string): string;
  /** Throws when no key with that id is configured, or the text was tampered with or moved to another row. */
  unseal(sealed: string, context: string): string;
  /** The key that encrypts. */
  primaryKey(): EncryptionKey;
}

export function createEnvelope(keys: readonly EncryptionKey[], randomBytes: RandomBytes): Envelope {
  const [primary] = keys;
  if (!primary) throw new Error('an envelope needs at least one encryption key');
  const byId = new Map(keys.map((key) => [key.id, key]));
  return {
    seal: (plaintext, context) =>
      `${primary.id}:${seal(primary.bytes, plaintext, `${primary.id}:${context}`, randomBytes)}`,
    unseal: (sealed, context) => {
      const separator = sealed.indexOf(':');
      const id = sealed.slice(0, separator);
      const key = byId.get(id);
      if (!key)
        throw new Error(`no encryption key with the id ${id} is configured; add it to LATCHKEY_ENCRYPTION_KEYS`);
      const plaintext = unseal(key.bytes, sealed.slice(separator + 1), `${id}:${context}`);
      if (plaintext === null) throw new Error('a sealed value does not open: it was changed, or moved to another row');
      return plaintext;
    },
    primaryKey: () => primary,
  };
}
