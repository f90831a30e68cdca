import type { Action, ArgumentKind, Command } from "../network/commands.ts";

/* What a shell, bash, completes on the command lines of the commands; from the same table as their help. */

/** The script that bash-completion loads when the command is first completed. */
export function completionScript(command: Command): string {
  const name = `_${command.name.replaceAll("-", "_")}`;
  const flags = command.actions.map(({ flag }) => flag);
  const options = command.options.map((option) => `--${option.name}`);
  const valued = command.options.filter(({ value }) => value !== undefined).map((option) => `--${option.name}`);
  const isFlag = flags.length === 0 ? "" : `\n      ${flags.join(" | ")}) action=$word ;;`;
  const isValued = valued.length === 0 ? "" : `\n      ${valued.join(" | ")}) i=$((i + 1)) ;;`;
  const atValue = valued.length === 0 ? "" : `\n  case $previous in ${valued.join(" | ")}) return ;; esac`;
  // The kernel allows no spaces in the name of an interface, but it allows stars: those must not become other names.
  return `# Completes ${command.name}: ${command.summary}.
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} net=/sys/class/net
  local action= place=0 before= candidates= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in${isFlag}${isValued}
      -*) ;;
      *) place=$((place + 1)) before=$word ;;
    esac
  done
  COMPREPLY=()${atValue}
  case $current in
    -*) candidates='${[...flags, ...options].join(" ")}' ;;
    *)
      case $action$place in
${[...command.actions.flatMap(places), `        0) candidates='${flags.join(" ")}' ;;`].join("\n")}
      esac
      ;;
  esac
  mapfile -t COMPREPLY < <(
    set -f
    for word in $candidates; do
      [[ $word == "$current"* ]] && printf '%s\\n' "$word"
    done
  )
}
complete -F ${name} ${command.name}
`;
}

/** Lines for the places of an action that have something to complete. */
function places({ flag, arguments: all }: Action): string[] {
  return all.flatMap(({ kind }, i) => {
    const candidates = sources[kind];
    return candidates === null ? [] : [`        ${flag}${i}) candidates=$(${candidates}) ;;`];
  });
}

/** Commands that print candidates; null: nobody but the person knows. `$before` is the argument before. */
const sources: Record<ArgumentKind, string | null> = {
  // The folder has a file for the driver of bonds among the interfaces.
  interface: `for i in "$net"/*/; do i=\${i%/}; printf '%s\\n' "\${i##*/}"; done`,
  physical: `for i in "$net"/*/device; do i=\${i%/device}; [[ -e $i ]] && printf '%s\\n' "\${i##*/}"; done`,
  bond: 'cat "$net/bonding_masters" 2>/dev/null',
  presentVlanId: `for i in "$net/$before".*/; do i=\${i%/}; [[ -e $i ]] && printf '%s\\n' "\${i##*.}"; done`,
  netmask: "printf '%s\\n' 255.255.255.0 255.255.0.0 255.0.0.0",
  vlanId: null,
  newBond: null,
  newName: null,
  address: null,
  gateway: null,
};
