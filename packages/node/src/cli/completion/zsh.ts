import { type CompletedCommand, flat } from "./completed.js";

/** A completion script for zsh, to be sourced or put into a folder of `$fpath` as `_whybox`. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const all = flat(commands);
  const below = all.filter(({ subcommands }) => subcommands.length > 0);
  const lines = [
    "#compdef whybox",
    "# Completion of whybox for zsh. Add to ~/.zshrc, after compinit:  source <(whybox completion zsh)",
    "_whybox() {",
    '  local command="$words[2]" option="" first=3 i',
    "  local -a found",
    "  if ((CURRENT == 2)); then",
    `    found=(${described(commands)})`,
    "    _describe command found",
    "    return",
    "  fi",
    '  case "$command" in',
    ...below.flatMap(({ words, subcommands }) => [
      `    ${words.join(" ")})`,
      "      if ((CURRENT == 3)); then",
      `        found=(${described(subcommands)})`,
      "        _describe command found",
      "        return",
      "      fi",
      '      command="$command $words[3]" first=4',
      "      ;;",
    ]),
    "  esac",
    '  if [[ "$words[CURRENT]" == -* ]]; then',
    '    case "$command" in',
    ...all.map(({ words, options }) => {
      const flags = options.map(({ flag, summary }) => `'${flag}:${summary}'`).join(" ");
      return `      "${words.join(" ")}") found=(${flags}) ;;`;
    }),
    "    esac",
    "    _describe -o option found",
    "    return",
    "  fi",
    "  for ((i = CURRENT - 1; i >= first; i--)); do",
    '    if [[ "$words[i]" == --* ]]; then',
    '      option="$words[i]"',
    "      break",
    "    fi",
    "  done",
    '  case "$command $option" in',
    ...all.flatMap(({ words, options }) =>
      options
        .filter(({ values }) => values.length > 0)
        .map(({ flag, values, isGreedy }) => {
          const when = isGreedy ? "" : "((i == CURRENT - 1)) && ";
          return `    "${words.join(" ")} ${flag}") ${when}found=(${values.map((value) => `'${value.replaceAll(":", "\\:")}'`).join(" ")}) ;;`;
        }),
    ),
    "  esac",
    "  if (($#found)); then",
    "    _describe value found",
    "  else",
    "    _files",
    "  fi",
    "}",
    'if [[ "$funcstack[1]" == _whybox ]]; then',
    '  _whybox "$@"',
    "else",
    "  compdef _whybox whybox",
    "fi",
  ];
  return `${lines.join("\n")}\n`;
}

function described(commands: readonly CompletedCommand[]): string {
  return commands.map(({ words, summary }) => `'${words.at(-1)}:${summary}'`).join(" ");
}
