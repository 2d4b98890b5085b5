// Boundary: the command line: what can be typed, and how results look to people and to programs. A command is a value
// in a file of its own under `commands/`; parsing, help and completion are made from it. Speaks HTTP to a server, or
// opens the installation that `main.ts` hands over. Reads no environment and ends no process.
export { COMMANDS } from './commands/index.ts';
export type { Host, Program } from './host.ts';
export { runCommandLine } from './run.ts';
