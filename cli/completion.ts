/**
 * Completion scripts: what may stand behind each command (its commands, options and choices), looked up by the words typed so
 * far. Files are completed where nothing else is. Sources: the programmable completion chapters of bash, zsh and fish.
 */
import type { Command } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Word {
  readonly word: string;
  readonly description: string;
}

/** Command path, such as `datasets create`, or '' -> its words. */
export type Words = ReadonlyMap<string, readonly Word[]>;

export function wordsOf(command: Command, path: readonly string[] = []): Words {
  const children = command.commands.map((child) => ({ word: child.name(), description: child.description() }));
  const options = command.options.flatMap(({ long, description }) =>
    typeof long === 'string' ? [{ word: long, description }] : [],
  );
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const general = path.length === 0 ? [] : [{ word: '--json', description: 'print JSON and nothing else' }];
  const words = [
    ...children,
    ...choices.map((word) => ({ word, description: '' })),
    ...options,
    ...general,
    { word: '--help', description: 'show the help' },
  ];
  return new Map([
    [path.join(' '), words],
    ...command.commands.flatMap((child) => [...wordsOf(child, [...path, child.name()])]),
  ]);
}

export function completionScript(program: Command, shell: Shell): string {
  const words = wordsOf(program);
  if (shell === 'bash') return bash(words);
  return shell === 'zsh' ? zsh(words) : fish(words);
}

/** `case` branches that set what may come next, by the commands typed. */
function bash(words: Words): string {
  const branches = [...words].map(
    ([path, list]) => `    '${path}') words='${list.map(({ word }) => word).join(' ')}' ;;`,
  );
  return `# tenon completion for bash: eval "$(npx tenon completion bash)"
_tenon() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
${[...words.keys()]
  .filter((path) => path !== '')
  .map((path) => `      '${path}') path='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path" in
${branches.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tenon tenon
`;
}

function zsh(words: Words): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const entry = ({ word, description }: Word): string => quote(`${word.replaceAll(':', '\\:')}:${description}`);
  const branches = [...words].map(([path, list]) => `    ${quote(path)}) list=(${list.map(entry).join(' ')}) ;;`);
  return `#compdef tenon
# tenon completion for zsh: eval "$(npx tenon completion zsh)"
_tenon() {
  local path_words='' i
  local -a list
  for ((i = 2; i < CURRENT; i++)); do
    case "\${path_words:+$path_words }\${words[i]}" in
${[...words.keys()]
  .filter((path) => path !== '')
  .map((path) => `      '${path}') path_words='${path}' ;;`)
  .join('\n')}
    esac
  done
  case "$path_words" in
${branches.join('\n')}
  esac
  _describe tenon list || _files
}
compdef _tenon tenon
`;
}

function fish(words: Words): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = [...words].flatMap(([path, list]) =>
    list.map(({ word, description }) => {
      const isOption = word.startsWith('--');
      const what = isOption ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c tenon -n '__tenon_at ${quote(path).slice(1, -1)}' ${what} -d ${quote(description)}`;
    }),
  );
  const paths = [...words.keys()].filter((path) => path !== '').map(quote);
  return `# tenon completion for fish: npx tenon completion fish | source
function __tenon_at
  set -l typed
  for word in (commandline -opc)[2..-1]
    if contains -- (string join ' ' $typed $word) ${paths.join(' ')}
      set typed $typed $word
    end
  end
  test (string join ' ' $typed) = (string join ' ' $argv)
end
${lines.join('\n')}
`;
}
