import type { CompletionWords } from './words.ts';

const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const unique = (texts: readonly string[]) => [...new Set(texts)];

/** For fish: `latchkey completion fish | source`. */
export function fishCompletion({ places, values }: CompletionWords): string {
  const takesValue = unique(values.map(({ option }) => option))
    .map(quote)
    .join(' ');
  const known = unique(places.map(({ path }) => path)).filter(Boolean);
  const lines = places.flatMap(({ path, words, options }) => {
    const at = `complete -c latchkey -n ${quote(`__latchkey_at ${quote(path)}`)}`;
    return [
      ...words.map(({ word, text }) => `${at} -f -a ${quote(word)} -d ${quote(text)}`),
      ...options.map(({ word, text }) => {
        const value = values.find(({ path: of, option }) => of === path && option === word);
        const takes = !value
          ? ''
          : value.isFile
            ? ' -r -F'
            : ` -x${value.choices.length > 0 ? ` -a ${quote(value.choices.join(' '))}` : ''}`;
        return `${at} -l ${word.slice(2)}${takes} -d ${quote(text)}`;
      }),
    ];
  });
  return `# fish completion for latchkey
function __latchkey_at
  set -l here ''
  set -l is_value ''
  for word in (commandline -opc)[2..-1]
    if test -n "$is_value"
      set is_value ''
      continue
    end
    if contains -- $word ${takesValue}
      set is_value 1
      continue
    end
    set -l next (string trim -- "$here $word")
    if contains -- $next ${known.map(quote).join(' ')}
      set here $next
    end
  end
  test "$here" = "$argv[1]"
end
complete -c latchkey -f
${lines.join('\n')}
`;
}
