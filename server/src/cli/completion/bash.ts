import type { CompletionWords, Place, Value } from './words.ts';

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const unique = (texts: readonly string[]) => [...new Set(texts)];

function wordsCase({ path, words, options }: Place): string {
  const list = (entries: { word: string }[]) => quote(entries.map(({ word }) => word).join(' '));
  return `    ${quote(path)}) words=${list(words)}; options=${list(options)} ;;`;
}

function valueCase({ path, option, choices, isFile }: Value): string {
  const deed = isFile ? 'files=1' : `choices=${quote(choices.join(' '))}`;
  return `    ${quote(`${path}|${option}`)}) ${deed} ;;`;
}

/** For bash 3.2 and newer, with or without the package bash-completion. */
export function bashCompletion({ places, values }: CompletionWords): string {
  const takesValue = unique(values.map(({ option }) => option)).join('|');
  const known = unique(places.map(({ path }) => path)).filter(Boolean);
  return `# bash completion for latchkey
_latchkey() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev='' path='' word='' words='' options='' choices='' files='' is_value='' i
  # What readline splits at "=" belongs to the option before it.
  [ "$cur" = '=' ] && cur=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [ "$word" = '=' ] && continue
    if [ -n "$is_value" ]; then is_value=''; prev="$word"; continue; fi
    case "$word" in
      ${takesValue}) is_value=1 ;;
      *)
        case "\${path:+$path }$word" in
          ${known.map(quote).join('|')}) path="\${path:+$path }$word" ;;
        esac ;;
    esac
    prev="$word"
  done
  COMPREPLY=()
  if [ -n "$is_value" ]; then
    case "$path|$prev" in
${values
  .filter(({ choices, isFile }) => isFile || choices.length > 0)
  .map(valueCase)
  .join('\n')}
    esac
    # Nothing here makes bash offer files.
    [ -n "$files" ] && return
    compopt +o default 2>/dev/null
    COMPREPLY=($(compgen -W "$choices" -- "$cur"))
    return
  fi
  case "$path" in
${places.map(wordsCase).join('\n')}
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$cur")) ;;
  esac
}
complete -o default -F _latchkey latchkey
`;
}
