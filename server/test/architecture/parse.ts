import { parseAst } from 'vitest/node';

export interface SourceFile {
  /** From the repository's root, with slashes: `server/src/clock.ts`. */
  path: string;
  text: string;
}

/** A node of the syntax tree (ESTree with TypeScript's nodes); its other properties depend on its type. */
export interface SyntaxNode {
  type: string;
  start: number;
  end: number;
  [property: string]: unknown;
}

export interface Import {
  specifier: string;
  line: number;
  /** `augment` is `declare module '…'`. */
  kind: 'value' | 'type' | 'augment';
}

export interface Parsed extends SourceFile {
  nodes: SyntaxNode[];
  imports: Import[];
  lineOf: (node: SyntaxNode) => number;
}

const known = new WeakMap<SourceFile, Parsed>();

/** Parses a TypeScript file, once. */
export function parse(file: SourceFile): Parsed {
  let parsed = known.get(file);
  if (parsed === undefined) {
    const program = parseAst(file.text, { lang: 'ts' }, file.path) as unknown as SyntaxNode;
    const nodes = [...descendants(program)];
    const lineOf = (node: SyntaxNode) => file.text.slice(0, node.start).split('\n').length;
    const imports = nodes.flatMap((node) => {
      const found = importOf(node);
      return found === undefined ? [] : [{ ...found, line: lineOf(node) }];
    });
    parsed = { ...file, nodes, imports, lineOf };
    known.set(file, parsed);
  }
  return parsed;
}

/** Tells a syntax node from a property's other values. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** `Date.now`, `process.env.HOME`: a chain of plain names, also when written with quotes or from `globalThis`. */
export function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'ChainExpression') return dottedName(node.expression);
  if (node.type === 'Identifier') return String(node.name);
  if (node.type !== 'MemberExpression') return undefined;
  const object = dottedName(node.object);
  const { property } = node;
  if (object === undefined || !isNode(property)) return undefined;
  const isName = property.type === 'Identifier' && node.computed !== true;
  const name = isName ? property.name : property.value;
  if (typeof name !== 'string') return undefined;
  return object === 'globalThis' ? name : `${object}.${name}`;
}

function* descendants(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* descendants(child);
  }
}

function importOf(node: SyntaxNode): Omit<Import, 'line'> | undefined {
  if (node.type === 'TSModuleDeclaration') {
    const name = literal(node.id);
    return name === undefined ? undefined : { specifier: name, kind: 'augment' };
  }
  const specifier = literal(node.source);
  if (specifier === undefined) return undefined;
  switch (node.type) {
    case 'ImportDeclaration':
      return { specifier, kind: onlyTypes(node, 'importKind') ? 'type' : 'value' };
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return { specifier, kind: onlyTypes(node, 'exportKind') ? 'type' : 'value' };
    case 'ImportExpression':
      return { specifier, kind: 'value' };
    case 'TSImportType':
      return { specifier, kind: 'type' };
    default:
      return undefined;
  }
}

function onlyTypes(node: SyntaxNode, property: 'importKind' | 'exportKind'): boolean {
  if (node[property] === 'type') return true;
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : [];
  return specifiers.length > 0 && specifiers.every((specifier) => specifier[property] === 'type');
}

function literal(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined;
}
