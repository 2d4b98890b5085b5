import { type OnFound, type ScanReport, toFinding } from './finding.ts';
import { SecretScanner } from './secret-scanner.ts';

/** Scans what comes, such as stdin, to its end. `onBytes` hears how much came, piece by piece. */
export async function scanStream(
  stream: AsyncIterable<Uint8Array | string>,
  onFound: OnFound,
  onBytes: (count: number) => void = () => {},
): Promise<ScanReport> {
  const report: ScanReport = { scanned: 1, bytes: 0, unreadable: 0 };
  const scanner = new SecretScanner(({ secret, line, column }) => {
    onFound(toFinding(secret, { in: 'content', path: '-', line, column, commit: null }), secret.text);
  });
  for await (const piece of stream) {
    const bytes = Buffer.from(piece as Uint8Array);
    report.bytes += bytes.length;
    onBytes(bytes.length);
    scanner.feed(bytes, false);
  }
  scanner.feed(Buffer.alloc(0), true);
  return report;
}
