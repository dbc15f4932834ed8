import { type CompletedCommand, flat } from "./completed.js";

/** A completion script for bash. Files are completed by bash itself, wherever the script has no words. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const all = flat(commands);
  const below = all.filter(({ subcommands }) => subcommands.length > 0);
  const names = (list: readonly CompletedCommand[]) => list.map(({ words }) => words.at(-1)).join(" ");
  const lines = [
    "# Completion of whybox for bash. Add to ~/.bashrc:  source <(whybox completion bash)",
    "_whybox() {",
    '  local current="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}" first=2 option="" distance=0 words="" i',
    "  COMPREPLY=()",
    "  if ((COMP_CWORD == 1)); then",
    `    COMPREPLY=($(compgen -W "${names(commands)} --help --version" -- "$current"))`,
    "    return",
    "  fi",
    '  case "$command" in',
    ...below.flatMap(({ words, subcommands }) => [
      `    ${words.join(" ")})`,
      "      if ((COMP_CWORD == 2)); then",
      `        COMPREPLY=($(compgen -W "${names(subcommands)} --help" -- "$current"))`,
      "        return",
      "      fi",
      '      command="$command ${COMP_WORDS[2]}" first=3',
      "      ;;",
    ]),
    "  esac",
    '  if [[ "$current" == -* ]]; then',
    '    case "$command" in',
    ...all.map(
      ({ words, options }) => `      "${words.join(" ")}") words="${options.map(({ flag }) => flag).join(" ")}" ;;`,
    ),
    "    esac",
    "  else",
    "    for ((i = COMP_CWORD - 1; i >= first; i--)); do",
    '      if [[ "${COMP_WORDS[i]}" == --* ]]; then',
    '        option="${COMP_WORDS[i]}" distance=$((COMP_CWORD - i))',
    "        break",
    "      fi",
    "    done",
    '    case "$command $option" in',
    ...all.flatMap(({ words, options }) =>
      options
        .filter(({ values }) => values.length > 0)
        .map(({ flag, values, isGreedy }) => {
          const when = isGreedy ? "" : "((distance == 1)) && ";
          return `      "${words.join(" ")} ${flag}") ${when}words="${values.join(" ")}" ;;`;
        }),
    ),
    "    esac",
    "  fi",
    '  [[ -n "$words" ]] && COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "  return 0",
    "}",
    "complete -o default -F _whybox whybox",
  ];
  return `${lines.join("\n")}\n`;
}
