import { posix } from 'node:path';
import { placeOf } from './house.ts';
import { dottedName, isNode, parse, type SourceFile, type SyntaxNode } from './parse.ts';

const clock = 'server/src/clock.ts';
const isMain = (path: string) => path === 'server/src/main.ts';
const isConfig = (path: string) => placeOf(path)?.name === 'config';

/** The clock is injected, so that tests move time instead of sleeping. */
export function oneClock(files: SourceFile[]): string[] {
  const readings = ['Date.now', 'performance.now', 'process.hrtime'];
  return mentions(
    files,
    (path) => path !== clock,
    (node) => {
      const name = node.type === 'MemberExpression' ? dottedName(node) : undefined;
      if (name !== undefined && readings.includes(name)) return `reads ${name}: take the Clock as a parameter`;
      const isCall = node.type === 'NewExpression' || node.type === 'CallExpression';
      const isBare = isCall && dottedName(node.callee) === 'Date' && isEmpty(node.arguments);
      return isBare ? 'reads the time with Date(): take the Clock as a parameter' : undefined;
    },
  );
}

/** The environment is read where a reader looks for it. */
export function oneEnvironment(files: SourceFile[]): string[] {
  return mentions(
    files,
    (path) => !isMain(path) && !isConfig(path),
    (node) =>
      readsEnvironment(node)
        ? 'reads process.env: only main.ts and config.ts do; take the value as a parameter'
        : undefined,
  );
}

/** Randomness is injected and strong. */
export function noMathRandom(files: SourceFile[]): string[] {
  return mentions(
    files,
    () => true,
    (node) =>
      isMember(node, 'Math.random') ? 'uses Math.random: take RandomBytes of crypto/ as a parameter' : undefined,
  );
}

/** What the process says goes through its logger or the streams that main.ts passes in. */
export function noConsole(files: SourceFile[]): string[] {
  return mentions(
    files,
    () => true,
    (node) =>
      node.type === 'MemberExpression' && dottedName(node.object) === 'console'
        ? 'uses console: take the logger, or the output stream, as a parameter'
        : undefined,
  );
}

/** Ending the process is the business of main.ts. */
export function exitInMain(files: SourceFile[]): string[] {
  return mentions(
    files,
    (path) => !isMain(path),
    (node) =>
      isMember(node, 'process.exit') ? 'calls process.exit: throw, or return the exit code to main.ts' : undefined,
  );
}

/** SQL lives in stores. */
export function kyselyInStores(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const name = posix.basename(file.path);
    if (name === 'store.ts' || placeOf(file.path)?.name === 'database') return [];
    return parse(file)
      .imports.filter(({ specifier }) => specifier === 'kysely' || specifier.startsWith('kysely/'))
      .filter(({ kind }) => name !== 'tables.ts' || kind === 'value')
      .map(
        ({ line }) => `${file.path}:${line} imports kysely: move the query into store.ts (tables.ts may import types)`,
      );
  });
}

type Complaint = (node: SyntaxNode) => string | undefined;

function mentions(files: SourceFile[], concerns: (path: string) => boolean, complaint: Complaint): string[] {
  return files
    .filter(({ path }) => concerns(path))
    .flatMap((file) => {
      const { nodes, lineOf } = parse(file);
      return nodes.flatMap((node) => {
        const found = complaint(node);
        return found === undefined ? [] : [`${file.path}:${lineOf(node)} ${found}`];
      });
    });
}

const isMember = (node: SyntaxNode, name: string) => node.type === 'MemberExpression' && dottedName(node) === name;
const isEmpty = (list: unknown) => Array.isArray(list) && list.length === 0;

function readsEnvironment(node: SyntaxNode): boolean {
  if (isMember(node, 'process.env')) return true;
  const named = (key: unknown) => isNode(key) && dottedName(key) === 'env';
  if (node.type === 'ImportDeclaration' && isNode(node.source) && Array.isArray(node.specifiers)) {
    const isProcess = ['process', 'node:process'].includes(String(node.source.value));
    return isProcess && node.specifiers.some((specifier) => isNode(specifier) && named(specifier.imported));
  }
  if (node.type !== 'VariableDeclarator' || dottedName(node.init) !== 'process' || !isNode(node.id)) return false;
  const properties = node.id.properties;
  return Array.isArray(properties) && properties.some((property) => isNode(property) && named(property.key));
}
