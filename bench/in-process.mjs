// What one verification of an access token costs without HTTP: run by `run.mjs` on the servers' core, from the sources.
// Prints {"ours": …, "raw": …}: operations a second, medians of rounds that took turns.
import { verify } from 'node:crypto';
import { pooledRandom } from '../server/src/crypto/index.ts';
import { derOf } from '../server/src/signing-keys/ecdsa-der.ts';
import { ALGORITHMS, createCompactSigner } from '../server/src/signing-keys/index.ts';
import { mintAccessToken } from '../server/src/tokens/mint.ts';
import { verifyAccessToken } from '../server/src/tokens/verify.ts';

const TOKENS = 200;
const ROUNDS = 60;

const { ES256 } = ALGORITHMS;
const { privateKey, publicKey } = await ES256.generate();
const signer = { kid: 'bench', algorithm: 'ES256', sign: createCompactSigner(ES256, 'bench', privateKey) };
const verifier = { kid: 'bench', algorithm: ES256, publicKey, isRevoked: false };
const keys = { rows: [], signers: new Map([['ES256', signer]]), verifiers: new Map([['bench', verifier]]) };
const issuer = 'http://localhost:4000';
const deps = {
  signingKeys: { signer: () => signer, current: () => keys },
  clock: { nowMs: () => Date.now() },
  randomBytes: pooledRandom(),
  issuer: () => issuer,
  isAudience: (audience) => audience === `${issuer}/v1`,
  resourceOf: () => undefined,
};
/** As a login by API makes them. */
const request = {
  subject: 'usr_0VbiEPdM6lq1ZDEzD9tCnv26',
  clientId: 'latchkey',
  audience: `${issuer}/v1`,
  scopes: ['read', 'write', 'delete', 'api_keys:read', 'api_keys:write', 'api_keys:verify'],
  workspaceId: 'ws_0VbiEPdMWOCnXomSxl2VaSQv',
  environment: 'test',
  epoch: Date.now(),
  sessionId: 'ses_0VbiEPdMWOCnXomSxl2VaSQv',
  familyId: 'fam_0VbiEPdMWOCnXomSxl2VaSQv',
  extraClaims: { amr: ['pwd'], auth_time: Math.floor(Date.now() / 1000) },
};
const texts = Array.from({ length: TOKENS }, () => mintAccessToken(deps, request).text);
const taken = texts.map((text) => {
  const at = text.lastIndexOf('.');
  return { data: Buffer.from(text.slice(0, at)), signature: Buffer.from(text.slice(at + 1), 'base64url') };
});

const runs = {
  /** The fastest there is in Node: a signature taken apart before, turned into DER. */
  raw: () => {
    for (const { data, signature } of taken) {
      if (!verify('sha256', data, publicKey, derOf(signature))) throw new Error('a signature does not verify');
    }
  },
  /** Everything that a text never seen before goes through. */
  ours: () => {
    for (const text of texts) verifyAccessToken(deps, text);
  },
};

const samples = { raw: [], ours: [] };
for (let round = -10; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(runs)) {
    const began = process.hrtime.bigint();
    run();
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    if (round >= 0) samples[name].push(TOKENS / seconds);
  }
}
const middle = (values) => Math.round(values.sort((a, b) => a - b)[values.length >> 1]);
process.stdout.write(`${JSON.stringify({ raw: middle(samples.raw), ours: middle(samples.ours) })}\n`);
