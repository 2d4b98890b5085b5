import { command } from '../../command.ts';
import { bashCompletion } from '../../completion/bash.ts';
import { fishCompletion } from '../../completion/fish.ts';
import { completionWords } from '../../completion/words.ts';
import { zshCompletion } from '../../completion/zsh.ts';
import { EXIT } from '../../exit-codes.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };
type Shell = keyof typeof SHELLS;

export const completion = command({
  path: 'completion',
  summary: 'Print what makes a shell complete commands and options',
  examples: [
    { line: 'source <(latchkey completion bash)', what: 'Now; put the line into ~/.bashrc to keep it' },
    { line: 'latchkey completion zsh > ~/.zfunc/_latchkey', what: 'A folder on fpath, before compinit' },
    { line: 'latchkey completion fish > ~/.config/fish/completions/latchkey.fish', what: 'Loaded when needed' },
  ],
  positionals: {
    shell: { value: 'SHELL', description: 'Which one', choices: ['bash', 'zsh', 'fish'] },
  },
  run: async ({ positionals, commands, out }) => {
    out(SHELLS[positionals.shell as Shell](completionWords(commands)));
    return EXIT.done;
  },
});
