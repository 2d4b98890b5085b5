import { createHmac, hash, type KeyObject } from 'node:crypto';
import { crc32, encodeBase62, randomBase62, readSecret, SECRET_PREFIXES } from '@latchkey/protocol';
import { macKey, type RandomBytes, secretsEqual } from '../../crypto/index.ts';

// A refresh token is `lk_rt_`, then in base62: a handle that stays through the family's life, a secret that changes with
// each rotation, a proof that we made the two, and the checksum that all our secrets have. So one row is enough for a
// family, however often it is rotated: the handle finds it, the hash of the whole text tells whether this is its current
// token, and the proof tells a token of ours that was spent long ago from one that somebody made up.
const HANDLE_LENGTH = 12;
const SECRET_LENGTH = 22;
const PROOF_LENGTH = 6;
const CHECKSUM_LENGTH = 6;
const PREFIX = SECRET_PREFIXES.refresh_token;

const SECRETS = 62n ** BigInt(SECRET_LENGTH);
const PROOFS = 62n ** BigInt(PROOF_LENGTH);

const numberOf = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`);

/** Makes and reads the texts of refresh tokens. Nothing is stored but digests. */
export interface RefreshTexts {
  /** The first token of a family. */
  first(): string;
  /** The one successor of a token, again and again the same: made of it and of what its row keeps. */
  successor(text: string, nonce: string): string;
  /** That successor as it may have been made: before and after the encryption keys were changed. */
  successors(text: string, nonce: string): string[];
  /** Whether we have made this text, whenever that was. */
  isOurs(text: string): boolean;
}

/** What finds the family of a refresh token, and what tells its current token; null for a text of another form. */
export function digestsOf(text: string): { handleHash: string; tokenHash: string } | null {
  if (readSecret(text) !== 'refresh_token') return null;
  const handle = text.slice(PREFIX.length, PREFIX.length + HANDLE_LENGTH);
  return { handleHash: hash('sha256', `refresh handle ${handle}`), tokenHash: hash('sha256', text) };
}

/** `secrets`: the first makes proofs, all are tried; they change with the encryption keys. */
export function createRefreshTexts(secrets: readonly Uint8Array[], randomBytes: RandomBytes): RefreshTexts {
  const proofKeys = secrets.map(macKey);
  const [firstKey] = proofKeys;
  if (!firstKey) throw new Error('proofs need a key');
  const proofOf = (key: KeyObject, body: string) =>
    encodeBase62(numberOf(createHmac('sha256', key).update(body).digest()) % PROOFS, PROOF_LENGTH);
  const textOf = (key: KeyObject, body: string) => {
    const head = PREFIX + body + proofOf(key, body);
    return head + encodeBase62(crc32(head), CHECKSUM_LENGTH);
  };
  const bodyOf = (text: string) => text.slice(PREFIX.length, PREFIX.length + HANDLE_LENGTH + SECRET_LENGTH);
  const successorBody = (text: string, nonce: string) => {
    const derived = createHmac('sha256', text).update(nonce).digest();
    return bodyOf(text).slice(0, HANDLE_LENGTH) + encodeBase62(numberOf(derived) % SECRETS, SECRET_LENGTH);
  };
  return {
    first: () => textOf(firstKey, randomBase62(HANDLE_LENGTH + SECRET_LENGTH, randomBytes)),
    successor: (text, nonce) => textOf(firstKey, successorBody(text, nonce)),
    successors: (text, nonce) => proofKeys.map((key) => textOf(key, successorBody(text, nonce))),
    isOurs: (text) => {
      const body = bodyOf(text);
      const proof = text.slice(-CHECKSUM_LENGTH - PROOF_LENGTH, -CHECKSUM_LENGTH);
      return proofKeys.some((key) => secretsEqual(proofOf(key, body), proof));
    },
  };
}
