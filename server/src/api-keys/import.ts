import type { Tx } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import { refuseEndedGrantor } from './grantor.ts';
import { type Asking, checkNewKey, type IssueDeps, type KnownHash, type NewKey, writeKey } from './issue.ts';
import type { ApiKeyRow } from './tables.ts';

/** A hash as another system kept it. */
export interface ImportedHash {
  algorithm: 'sha256' | 'bcrypt' | 'argon2';
  value: string;
  lookupPrefix: string | null;
  hint: string | null;
}

const BCRYPT = /^\$2[aby]\$(\d{2})\$[./A-Za-z0-9]{53}$/;
const ARGON2 =
  /^\$argon2(?:id|i|d)\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}$/;

/** Work that one verification may cost: an import must not become a way to keep the processor busy. */
const MAX_BCRYPT_COST = 14;
const MAX_ARGON2_KIB = 131_072;
const MAX_ARGON2_PASSES = 10;
const MAX_ARGON2_LANES = 8;

function sha256Of(value: string): string | null {
  if (/^[0-9a-fA-F]{64}$/.test(value)) return value.toLowerCase();
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return null;
  const bytes = Buffer.from(value, 'base64url');
  return bytes.length === 32 ? bytes.toString('hex') : null;
}

function isAffordable({ algorithm, value }: ImportedHash): boolean {
  if (algorithm === 'bcrypt') {
    const [, cost] = BCRYPT.exec(value) ?? [];
    return cost !== undefined && Number(cost) <= MAX_BCRYPT_COST;
  }
  const [, memory, passes, lanes] = ARGON2.exec(value) ?? [];
  const isBearable = Number(memory) <= MAX_ARGON2_KIB && Number(passes) <= MAX_ARGON2_PASSES;
  return memory !== undefined && isBearable && Number(lanes) <= MAX_ARGON2_LANES;
}

function knownHash(hash: ImportedHash, path: string, index: number, unusableHash: string): KnownHash {
  const hint = hash.hint ?? (hash.lookupPrefix ? `${hash.lookupPrefix.slice(0, 8)}…` : '…');
  if (hash.algorithm === 'sha256') {
    const secretHash = sha256Of(hash.value);
    if (secretHash === null) throw invalidField(`${path}.hash.value`, 'must be SHA-256 in hex, base64 or base64url');
    return { secretHash, slowHash: null, lookupPrefix: null, hint };
  }
  if (!isAffordable(hash)) {
    throw invalidField(
      `${path}.hash.value`,
      `must be a ${hash.algorithm} hash in its usual text form, of bearable cost`,
    );
  }
  if (hash.lookupPrefix === null || hash.lookupPrefix.length < 8) {
    throw invalidField(`${path}.lookup_prefix`, 'is required for slow hashes, with 8 characters or more');
  }
  return { secretHash: `${unusableHash}:${index}`, slowHash: hash.value, lookupPrefix: hash.lookupPrefix, hint };
}

/** Reads one key of many: its problems are named by its place in the list. */
export async function atPlace<T>(index: number, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Failure) || !error.details.fields) throw error;
    const fields = error.details.fields.map(({ path, message }) => ({ path: `keys.${index}.${path}`, message }));
    throw new Failure(error.code, error.message, { fields });
  }
}

export interface ImportedKey {
  key: NewKey;
  hash: ImportedHash;
  asking: Asking;
}

/**
 * Takes keys over by their hashes: all of them or none. The same ceilings bind as for making keys. `unusableHash` must be
 * unique and no SHA-256: it stands in the hash's place until a slow hash was used for the first time.
 */
export async function importKeys(
  deps: IssueDeps,
  tx: Tx,
  imported: readonly ImportedKey[],
  unusableHash: string,
): Promise<ApiKeyRow[]> {
  const rows: ApiKeyRow[] = [];
  await refuseEndedGrantor(tx, imported[0]?.asking.grantor ?? null, deps.clock.nowMs());
  for (const [index, { key, hash, asking }] of imported.entries()) {
    await atPlace(index, () => checkNewKey(deps, asking, key));
    const known = knownHash(hash, `keys.${index}`, index, unusableHash);
    rows.push(await writeKey(deps, tx, asking, { key, hash: known, action: 'api_key.imported' }));
  }
  return rows;
}
