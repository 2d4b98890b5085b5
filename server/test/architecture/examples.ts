import type { SourceFile } from './parse.ts';
import type { RuleName } from './rules.ts';

interface Example {
  /** Sources by path, below server/src unless they begin with `protocol/`. */
  files: Record<string, string>;
  /** Words of each expected breach, in order; none when the rule must stay silent. */
  breaches: string[];
}

const lines = (count: number, line: string) => `${line}\n`.repeat(count);

/** For each rule sources that break it and sources close by that do not. */
export const examples: Record<RuleName, Example[]> = {
  'every file stands in a known place': [
    {
      files: { 'stuff/a.ts': '', 'other.ts': '', 'tokens/index.ts': '', 'main.ts': '' },
      breaches: ['stuff/a.ts', 'other.ts'],
    },
  ],
  'imports run one way': [
    { files: { 'tokens/mint.ts': `import { x } from '../oauth/index.ts';` }, breaches: ['tokens/mint.ts:1 (domain)'] },
    { files: { 'tokens/mint.ts': `import type { x } from '../compose.ts';` }, breaches: ['compose.ts (compose)'] },
    { files: { 'access/gate.ts': `export * from '../oauth/index.ts';` }, breaches: ['an arrow that runs back'] },
    { files: { 'http/errors.ts': `\nawait import('../access/index.ts');` }, breaches: ['http/errors.ts:2 (platform)'] },
    { files: { 'database/a.ts': `const x: import('../crypto/index.ts').X = 1;` }, breaches: ['crypto/index.ts'] },
    { files: { 'clock.ts': `import { x } from './jobs/index.ts';` }, breaches: ['clock.ts:1 (foundation)'] },
    { files: { 'audit/tables.ts': `declare module '../tokens/index.ts' {}` }, breaches: ['tokens/index.ts'] },
    { files: { 'access/a.ts': `import { x } from '../insights/index.ts';` }, breaches: ['insights/index.ts'] },
    { files: { 'insights/a.ts': `import { x } from '../tokens/index.ts';` }, breaches: ['tokens/index.ts'] },
    { files: { 'main.ts': `import { x } from './insights/index.ts';` }, breaches: ['insights/index.ts'] },
    { files: { 'pages/a.ts': `import '../oauth/index.ts'; import '../audit/index.ts';` }, breaches: [] },
    { files: { 'insights/a.ts': `import '../audit/index.ts'; import '../jobs/index.ts';` }, breaches: [] },
    { files: { 'compose.ts': `import './insights/index.ts'; import './http/index.ts';` }, breaches: [] },
    { files: { 'http/a.ts': `import '../shared-state/index.ts'; import '../failure.ts';` }, breaches: [] },
    { files: { 'audit/tables.ts': `declare module '../database/index.ts' {}` }, breaches: [] },
    { files: { 'config.ts': `import { ERRORS } from '@latchkey/protocol';` }, breaches: [] },
  ],
  'packages import each other by name': [
    { files: { 'tokens/a.ts': `import '../../../protocol/src/ids.ts';` }, breaches: ['outside server/src'] },
    {
      files: { 'protocol/src/ids.ts': `import 'node:crypto';` },
      breaches: ['protocol/src/ids.ts:1 imports node:crypto'],
    },
    { files: { 'tokens/a.ts': `import '@latchkey/protocol'; import '../clock.ts';` }, breaches: [] },
    { files: { 'main.ts': `import about from '../package.json' with { type: 'json' };` }, breaches: [] },
  ],
  'neighbours import only index.ts': [
    {
      files: { 'oauth/grants/a.ts': `import '../../tokens/mint.ts';` },
      breaches: ['import server/src/tokens/index.ts'],
    },
    {
      files: { 'compose.ts': `import './tokens/mint.ts';` },
      breaches: ['compose.ts:1 imports server/src/tokens/mint.ts'],
    },
    { files: { 'audit/tables.ts': `declare module '../database/tables.ts' {}` }, breaches: ['database/tables.ts'] },
    { files: { 'audit/tables.ts': `declare module '../database/index.ts' {}` }, breaches: [] },
    { files: { 'oauth/grants/a.ts': `import '../tables.ts'; import '../../clock.ts';` }, breaches: [] },
  ],
  'the configuration is passed in': [
    { files: { 'tokens/a.ts': `import { defaults } from '../config.ts';` }, breaches: ['tokens/a.ts:1'] },
    { files: { 'tokens/a.ts': `import type { Config } from '../config.ts';` }, breaches: [] },
    { files: { 'tokens/a.ts': `import { type Config } from '../config/index.ts';` }, breaches: [] },
    { files: { 'compose.ts': `import { defaults } from './config.ts';` }, breaches: [] },
  ],
  'files import each other in no circle': [
    {
      files: { 'tokens/a.ts': `import './b.ts';`, 'tokens/b.ts': `import type { A } from './a.ts';` },
      breaches: ['tokens/a.ts -> server/src/tokens/b.ts -> server/src/tokens/a.ts'],
    },
    { files: { 'tokens/a.ts': `import './b.ts'; import './c.ts';`, 'tokens/b.ts': `import './c.ts';` }, breaches: [] },
  ],
  'folders import each other in no circle': [
    {
      files: { 'tokens/a.ts': `import '../limits/b.ts';`, 'limits/c.ts': `import '../tokens/d.ts';` },
      breaches: ['server/src/tokens -> server/src/limits -> server/src/tokens'],
    },
    { files: { 'tokens/a.ts': `import '../limits/b.ts';`, 'limits/b.ts': `import '../clock.ts';` }, breaches: [] },
  ],
  'files are short': [
    { files: { 'clock.ts': lines(501, '//') }, breaches: ['clock.ts has 501 lines'] },
    { files: { 'clock.ts': lines(500, '//') }, breaches: [] },
  ],
  'functions are short': [
    {
      files: { 'clock.ts': `\nfunction f() {\n${lines(59, '1;')}}` },
      breaches: ['clock.ts:2 is a function of 61 lines'],
    },
    { files: { 'clock.ts': `class C { m() {\n${lines(59, '1;')}} }` }, breaches: ['61 lines'] },
    { files: { 'clock.ts': `const f = () => {\n${lines(58, '1;')}${lines(9, '')}};` }, breaches: [] },
  ],
  'folders are named after what they hold': [
    { files: { 'oauth/helpers/a.ts': '' }, breaches: ['a folder called helpers'] },
    { files: { 'oauth/common.ts': '', 'shared-state/index.ts': '' }, breaches: [] },
  ],
  'folders begin with a boundary comment': [
    { files: { 'tokens/mint.ts': '' }, breaches: ['tokens/index.ts is missing'] },
    { files: { 'tokens/index.ts': `export {};\n// late` }, breaches: ['begins without a boundary comment'] },
    { files: { 'jobs/index.ts': lines(11, '// a') }, breaches: ['a boundary comment of 11 lines'] },
    { files: { 'jobs/index.ts': lines(10, '// a'), 'http/index.ts': '/**\n * a\n */\nexport {};' }, breaches: [] },
  ],
  'only clock.ts reads the time': [
    { files: { 'jobs/a.ts': 'const t = Date.now();' }, breaches: ['jobs/a.ts:1 reads Date.now'] },
    { files: { 'jobs/a.ts': 'later(Date.now);\nnew Date();' }, breaches: ['Date.now', 'jobs/a.ts:2'] },
    { files: { 'jobs/a.ts': 'globalThis.performance.now();' }, breaches: ['performance.now'] },
    { files: { 'clock.ts': 'Date.now();', 'jobs/a.ts': 'new Date(5); // Date.now()' }, breaches: [] },
  ],
  'only main.ts and config.ts read the environment': [
    { files: { 'jobs/a.ts': 'process.env.HOME;' }, breaches: ['jobs/a.ts:1 reads process.env'] },
    { files: { 'jobs/a.ts': `process['env'];` }, breaches: ['process.env'] },
    { files: { 'jobs/a.ts': 'const { env } = process;' }, breaches: ['process.env'] },
    { files: { 'jobs/a.ts': `import { env } from 'node:process';` }, breaches: ['process.env'] },
    {
      files: { 'main.ts': 'process.env;', 'config/read.ts': 'process.env;', 'config.ts': 'process.env;' },
      breaches: [],
    },
  ],
  'nobody uses Math.random': [
    { files: { 'jobs/a.ts': 'Math.random();' }, breaches: ['Math.random'] },
    { files: { 'jobs/a.ts': 'Math.max(1, random());' }, breaches: [] },
  ],
  'nobody uses console': [
    { files: { 'main.ts': `console.log('x');` }, breaches: ['main.ts:1 uses console'] },
    { files: { 'main.ts': `log('console.log');` }, breaches: [] },
  ],
  'only main.ts ends the process': [
    { files: { 'cli/a.ts': 'process.exit(1);' }, breaches: ['cli/a.ts:1 calls process.exit'] },
    { files: { 'main.ts': 'process.exit(1);', 'cli/a.ts': 'process.exitCode = 1;' }, breaches: [] },
  ],
  'only stores import kysely': [
    { files: { 'tokens/mint.ts': `import type { Kysely } from 'kysely';` }, breaches: ['tokens/mint.ts:1'] },
    { files: { 'tokens/tables.ts': `import { sql } from 'kysely';` }, breaches: ['tokens/tables.ts:1'] },
    { files: { 'tokens/tables.ts': `import type { Generated } from 'kysely';` }, breaches: [] },
    {
      files: { 'tokens/store.ts': `import { sql } from 'kysely';`, 'database/a.ts': `import 'kysely';` },
      breaches: [],
    },
  ],
};

/** An example's sources as the rules take them. */
export function filesOf({ files }: Example): SourceFile[] {
  return Object.entries(files).map(([path, text]) => ({
    path: path.startsWith('protocol/') ? path : `server/src/${path}`,
    text,
  }));
}
