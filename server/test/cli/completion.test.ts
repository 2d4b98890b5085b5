import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { COMMANDS } from '../../src/cli/index.ts';
import { newDataDir, runProgram, stopPrograms } from '../running/program.ts';
import { findBinary } from '../services/find-binary.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const scripts = new Map<Shell, string>();
let folder: string;

beforeAll(async () => {
  folder = newDataDir();
  for (const shell of SHELLS) {
    const { code, stdout } = await runProgram(['completion', shell]);
    expect(code).toBe(0);
    const path = join(folder, shell === 'zsh' ? '_latchkey' : `latchkey.${shell}`);
    writeFileSync(path, stdout);
    scripts.set(shell, path);
  }
});
afterAll(stopPrograms);

function runShell(shell: Shell, args: string[]): string {
  const binary = findBinary({ name: shell, also: ['/usr/bin', '/bin', '/usr/local/bin'], debianPackage: shell });
  const { stdout, stderr, status } = spawnSync(binary, args, {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, TERM: 'xterm' },
  });
  expect([stderr, status]).toEqual(['', 0]);
  return stdout;
}

/** What bash would offer for the last of these words, in order. */
function bash(...words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `source ${scripts.get('bash')}
COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}
eval "$(complete -p latchkey | sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p')"
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return runShell('bash', ['--norc', '--noprofile', '-c', script]).split('\n').filter(Boolean);
}

/** The same in fish, without the descriptions. */
function fish(line: string): string[] {
  const script = `source ${scripts.get('fish')}; complete -C '${line}'`;
  return runShell('fish', ['--no-config', '-c', script])
    .split('\n')
    .filter(Boolean)
    .map((found) => found.split('\t')[0] ?? '');
}

/** The same in zsh, whose completion needs a terminal: a stand-in for what shows the list writes the words down. */
function zsh(...words: string[]): string[] {
  const script = `
_describe() { local -a entries; entries=("\${(@P)2}"); print -l -- "\${(@)entries%%:*}"; }
compadd() { [[ "$1" == -- ]] && shift; print -l -- "$@"; }
_files() { print -- FILES; }
compdef() { :; }
words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}
source ${scripts.get('zsh')}
_latchkey`;
  return runShell('zsh', ['-f', '-c', script]).split('\n').filter(Boolean);
}

const firstWords = [...new Set(COMMANDS.map(({ path }) => path.split(' ')[0] ?? ''))];
const verbsOf = (word: string) =>
  COMMANDS.filter(({ path }) => path.startsWith(`${word} `)).map(({ path }) => path.split(' ')[1]);
const optionsOf = (path: string) => [
  ...Object.keys(COMMANDS.find((entry) => entry.path === path)?.options ?? {}).map((name) => `--${name}`),
  '--help',
];

describe('bash', () => {
  test('offers commands, verbs and options', () => {
    expect(bash('latchkey', '')).toEqual(firstWords);
    expect(bash('latchkey', 'ke')).toEqual(['keys']);
    expect(bash('latchkey', 'keys', '')).toEqual(verbsOf('keys'));
    expect(bash('latchkey', 'keys', 'create', '-')).toEqual(optionsOf('keys create'));
    expect(bash('latchkey', 'audit', 'tail', '--fo')).toEqual(['--follow']);
    expect(bash('latchkey', '')).toContain('doctor');
  });

  test('knows values: choices, none, or files', () => {
    expect(bash('latchkey', 'keys', 'create', '--type', '')).toEqual(['secret', 'restricted']);
    expect(bash('latchkey', 'keys', 'create', '--type', '=', 'r')).toEqual(['restricted']);
    expect(bash('latchkey', 'keys', 'create', '--name', '')).toEqual([]);
    // Nothing of ours: bash itself offers files.
    expect(bash('latchkey', 'keys', 'list', '--key-file', '')).toEqual([]);
    expect(bash('latchkey', 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
    // A value is no word of the command.
    expect(bash('latchkey', '--server', 'keys', 'workspaces', '')).toEqual(verbsOf('workspaces'));
    expect(bash('latchkey', 'keys', 'create', '--name', 'list', '--expires-i')).toEqual(['--expires-in']);
  });
});

test('zsh offers the same', () => {
  expect(zsh('latchkey', '')).toEqual(firstWords);
  expect(zsh('latchkey', 'keys', '')).toEqual(verbsOf('keys'));
  expect(zsh('latchkey', 'keys', 'create', '-')).toEqual(optionsOf('keys create'));
  expect(zsh('latchkey', 'keys', 'create', '--type', '')).toEqual(['secret', 'restricted']);
  expect(zsh('latchkey', 'keys', 'list', '--key-file', '')).toEqual(['FILES']);
  expect(zsh('latchkey', '--server', 'keys', 'workspaces', '')).toEqual(verbsOf('workspaces'));
  // As a file on fpath, with the real functions of zsh.
  mkdirSync(join(folder, 'cache'), { recursive: true });
  const found = runShell('zsh', [
    '-f',
    '-c',
    `fpath=(${folder} $fpath); autoload -Uz compinit; compinit -u -d ${folder}/cache/dump; print $_comps[latchkey]`,
  ]);
  expect(found.trim()).toBe('_latchkey');
});

test('fish offers the same', () => {
  const sorted = (words: (string | undefined)[]) => [...words].sort();
  expect(sorted(fish('latchkey '))).toEqual(sorted(firstWords));
  expect(sorted(fish('latchkey keys '))).toEqual(sorted(verbsOf('keys')));
  expect(sorted(fish('latchkey keys create --'))).toEqual(sorted(optionsOf('keys create')));
  expect(sorted(fish('latchkey keys create --type '))).toEqual(['restricted', 'secret']);
  expect(sorted(fish('latchkey --server keys workspaces '))).toEqual(sorted(verbsOf('workspaces')));
});
