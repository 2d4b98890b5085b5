// Sums Vitest's JSON reports, named as arguments, into the line `N passed, N failed`. Plain JavaScript for Node >= 20.
// A test file that could not be loaded counts as one failure, and so does a report that is missing.
import { existsSync, readFileSync } from 'node:fs';

function countsOf(path) {
  if (!existsSync(path)) return { passed: 0, failed: 1 };
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + broken.length };
}

const counts = process.argv.slice(2).map(countsOf);
const sum = (name) => counts.reduce((total, count) => total + count[name], 0);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
