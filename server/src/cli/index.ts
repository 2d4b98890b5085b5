// Boundary: the command line: what can be typed, and how results look to people and to programs. Reads no environment
// and opens nothing: `main.ts` does, and hands the results over as text to be made.
export { type Command, parseCommand, UsageError } from './arguments.ts';
export { helpText } from './help.ts';
export { problemsText } from './problems.ts';
export { type Ready, readyJson, readyText } from './ready.ts';
