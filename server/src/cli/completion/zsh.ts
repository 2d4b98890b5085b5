import type { Candidate, CompletionWords, Place, Value } from './words.ts';

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const unique = (texts: readonly string[]) => [...new Set(texts)];

/** `word:what it means`, as `_describe` reads it. */
const described = (candidates: readonly Candidate[]) =>
  candidates.map(({ word, text }) => quote(`${word.replaceAll(':', '\\:')}:${text}`)).join(' ');

function placeCase({ path, words, options }: Place): string {
  return `    ${quote(path)}) words_here=(${described(words)}); options_here=(${described(options)}) ;;`;
}

function valueCase({ path, option, choices, isFile }: Value): string {
  const deed = isFile ? '_files' : `compadd -- ${choices.map(quote).join(' ')}`;
  return `      ${quote(`${path}|${option}`)}) ${deed} ;;`;
}

/** For zsh: a file named `_latchkey` on `fpath`, or sourced after `compinit`. */
export function zshCompletion({ places, values }: CompletionWords): string {
  const takesValue = unique(values.map(({ option }) => option)).join('|');
  const known = unique(places.map(({ path }) => path)).filter(Boolean);
  return `#compdef latchkey
_latchkey() {
  local here='' word='' before='' is_value='' i
  local -a words_here options_here
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ -n "$is_value" ]]; then is_value=''; before="$word"; continue; fi
    case "$word" in
      ${takesValue}) is_value=1 ;;
      *)
        case "\${here:+$here }$word" in
          ${known.map(quote).join('|')}) here="\${here:+$here }$word" ;;
        esac ;;
    esac
    before="$word"
  done
  if [[ -n "$is_value" ]]; then
    case "$here|$before" in
${values
  .filter(({ choices, isFile }) => isFile || choices.length > 0)
  .map(valueCase)
  .join('\n')}
    esac
    return
  fi
  case "$here" in
${places.map(placeCase).join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe 'option' options_here
  elif (( \${#words_here} )); then
    _describe 'command' words_here
  else
    _files
  fi
}
if [[ "\${funcstack[1]}" == _latchkey ]]; then _latchkey "$@"; else compdef _latchkey latchkey; fi
`;
}
