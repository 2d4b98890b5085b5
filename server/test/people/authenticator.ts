import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** What an authenticator may say instead of the truth. */
export interface Lies {
  origin?: string;
  rpId?: string;
  type?: string;
  challenge?: string;
  /** Flags that are left out: 1 presence, 4 verification. */
  without?: number;
  counter?: number;
  userHandle?: string;
  /** COSE's number for the algorithm; -7 is ES256. */
  algorithm?: number;
  signature?: Buffer;
  crossOrigin?: boolean;
  /** In place of no statement on where the key is from. */
  attestation?: (publicKey: KeyObject, clientData: Uint8Array) => { fmt: string; attStmt: Map<string, unknown> };
}

const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest();

/** CBOR (RFC 8949) of what an authenticator writes: numbers, bytes, text, maps. */
function cbor(value: number | string | Uint8Array | Map<unknown, unknown> | readonly Uint8Array[]): Buffer {
  const head = (major: number, n: number) => {
    if (n < 24) return Buffer.from([(major << 5) | n]);
    if (n < 256) return Buffer.from([(major << 5) | 24, n]);
    return Buffer.from([(major << 5) | 25, n >> 8, n & 255]);
  };
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  if (value instanceof Map) {
    const parts = [...value].flatMap(([key, each]) => [cbor(key as string), cbor(each as string)]);
    return Buffer.concat([head(5, value.size), ...parts]);
  }
  return Buffer.concat([head(2, value.length), Buffer.from(value as Uint8Array)]);
}

interface CreationOptions {
  challenge: string;
  rp: { id: string };
  user: { id: string };
}
interface RequestOptions {
  challenge: string;
  rpId: string;
  allowCredentials?: { id: string }[];
}

/** A passkey in software: ES256, with a counter, as WebAuthn Level 2 has it. */
export class Authenticator {
  readonly credentialId = randomBytes(32);
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #origin: string;
  #counter = 0;
  #userHandle = '';

  constructor(origin: string) {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#privateKey = pair.privateKey;
    this.#publicKey = pair.publicKey;
    this.#origin = origin;
  }

  get id(): string {
    return b64(this.credentialId);
  }

  #clientData(type: string, challenge: string, lies: Lies): Buffer {
    const { origin = this.#origin, crossOrigin = false } = lies;
    return Buffer.from(
      JSON.stringify({ type: lies.type ?? type, challenge: lies.challenge ?? challenge, origin, crossOrigin }),
    );
  }

  #authenticatorData(rpId: string, flags: number, lies: Lies, attested: Buffer = Buffer.alloc(0)): Buffer {
    this.#counter = lies.counter ?? this.#counter + 1;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.#counter);
    const kept = flags & ~(lies.without ?? 0);
    return Buffer.concat([sha256(lies.rpId ?? rpId), Buffer.from([kept]), counter, attested]);
  }

  /** As `navigator.credentials.create` answers. */
  create(options: CreationOptions, lies: Lies = {}) {
    const jwk = this.#publicKey.export({ format: 'jwk' });
    const key = cbor(
      new Map<number, number | Buffer>([
        [1, 2],
        [3, lies.algorithm ?? -7],
        [-1, 1],
        [-2, Buffer.from(jwk.x ?? '', 'base64url')],
        [-3, Buffer.from(jwk.y ?? '', 'base64url')],
      ]),
    );
    this.#userHandle = options.user.id;
    const length = Buffer.from([0, this.credentialId.length]);
    const attested = Buffer.concat([Buffer.alloc(16), length, this.credentialId, key]);
    const authData = this.#authenticatorData(options.rp.id, 0x45, lies, attested);
    const clientData = this.#clientData('webauthn.create', options.challenge, lies);
    const said = lies.attestation?.(this.#publicKey, clientData) ?? { fmt: 'none', attStmt: new Map() };
    const attestation = new Map<string, unknown>([...Object.entries(said), ['authData', authData]]);
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: b64(clientData),
        attestationObject: b64(cbor(attestation)),
        transports: ['internal'],
      },
    };
  }

  /** As `navigator.credentials.get` answers. */
  get(options: RequestOptions, lies: Lies = {}) {
    const clientData = this.#clientData('webauthn.get', options.challenge, lies);
    const authData = this.#authenticatorData(options.rpId, 0x05, lies);
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), this.#privateKey);
    return {
      id: this.id,
      rawId: this.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: b64(clientData),
        authenticatorData: b64(authData),
        signature: b64(lies.signature ?? signature),
        userHandle: lies.userHandle ?? this.#userHandle,
      },
    };
  }
}
