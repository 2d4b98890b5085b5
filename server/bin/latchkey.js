#!/usr/bin/env node
// The command `latchkey`. Plain JavaScript, so that an old Node gets a sentence instead of a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(
    `latchkey: needs Node 24.15 or newer; this is ${process.versions.node}. In a clone, \`npm start\` brings its own.\n`,
  );
  process.exit(1);
}
try {
  await import('../dist/main.js');
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist/main.js')) throw error;
  process.stderr.write('latchkey: not built yet. Run `npm run build`, or `npm start`, which builds first.\n');
  process.exit(1);
}
