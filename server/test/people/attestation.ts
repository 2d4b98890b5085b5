import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** DER (X.690) of what a certificate needs. */
const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const octets = (bytes: Uint8Array) => der(0x04, bytes);
const small = (value: number, tag = 0x02) => der(tag, Buffer.from([value]));
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const time = (text: string) => der(0x18, Buffer.from(text));

const ECDSA_SHA256 = sequence(oid('2a8648ce3d040302'));
const CRL_POINTS = oid('551d1f');
const ANDROID_KEY = oid('2b06010401d679020111');
const nameOf = (text: string) => sequence(der(0x31, sequence(oid('550403'), der(0x0c, Buffer.from(text)))));

interface Certificate {
  subject: string;
  issuer: string;
  publicKey: KeyObject;
  extensions: Buffer[];
}

function certificate(
  { subject, issuer, publicKey, extensions }: Certificate,
  signer: KeyObject,
  serial: number,
): Buffer {
  const body = sequence(
    der(0xa0, small(2)),
    small(serial),
    ECDSA_SHA256,
    nameOf(issuer),
    sequence(time('20200101000000Z'), time('20990101000000Z')),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  return sequence(body, ECDSA_SHA256, der(0x03, Buffer.from([0]), sign('sha256', body, signer)));
}

/** A list of revoked certificates that whoever checks this chain is asked to fetch (RFC 5280 §4.2.1.13). */
function crlAt(url: string): Buffer {
  const point = der(0x86, Buffer.from(url));
  return sequence(CRL_POINTS, octets(sequence(sequence(der(0xa0, der(0xa0, point))))));
}

/** Android's description of a key: made for this challenge (source.android.com, key attestation). */
function keyDescription(clientData: Uint8Array): Buffer {
  const challenge = createHash('sha256').update(clientData).digest();
  const described = sequence(
    small(3),
    small(1, 0x0a),
    small(4),
    small(1, 0x0a),
    octets(challenge),
    octets(Buffer.alloc(0)),
    sequence(),
    sequence(),
  );
  return sequence(ANDROID_KEY, octets(described));
}

/** An `android-key` statement whose chain is the attacker's own, up to the root, and names a URL to fetch. */
export function androidKeyStatement(publicKey: KeyObject, clientData: Uint8Array, url: string): Map<string, unknown> {
  const root = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rootFields = { subject: 'root', issuer: 'root', publicKey: root.publicKey, extensions: [crlAt(url)] };
  const leafFields = {
    subject: 'leaf',
    issuer: 'root',
    publicKey,
    extensions: [crlAt(url), keyDescription(clientData)],
  };
  const chain = [certificate(leafFields, root.privateKey, 2), certificate(rootFields, root.privateKey, 1)];
  return new Map<string, unknown>([
    ['alg', -7],
    ['sig', Buffer.alloc(70, 1)],
    ['x5c', chain],
  ]);
}
