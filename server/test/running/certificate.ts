import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { findBinary } from '../services/find-binary.ts';

/** A certificate for localhost that nobody signed, and its key: PEM files in this folder. */
export function newCertificate(folder: string): { cert: string; key: string } {
  const openssl = findBinary({ name: 'openssl', also: ['/usr/local/bin', '/usr/bin'], debianPackage: 'openssl' });
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync(openssl, [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { cert, key };
}
