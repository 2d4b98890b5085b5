import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintSecret } from '@latchkey/protocol';
import { expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type Finding, scanTree } from '../../src/scan/index.ts';

test('a sparse file of one gibibyte is read in bounded memory, and the secret at its end is found', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sparse-'));
  try {
    const path = join(folder, 'sparse');
    writeFileSync(path, '');
    truncateSync(path, 1024 ** 3);
    appendFileSync(path, mintSecret('root', pooledRandom()));
    const findings: Finding[] = [];
    const before = process.memoryUsage().rss;
    let highest = before;
    const report = await scanTree([folder], {
      onFound: (finding) => findings.push(finding),
      onUnreadable: () => {},
      onBytes: () => {
        highest = Math.max(highest, process.memoryUsage().rss);
      },
    });
    expect(report.bytes).toBeGreaterThan(1024 ** 3);
    expect(findings).toEqual([expect.objectContaining({ kind: 'root', line: 1, column: 1024 ** 3 + 1 })]);
    expect(highest - before).toBeLessThan(200 * 1024 * 1024);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
