import { logRanges } from "../../core/model/archives.ts";
import { type CloudCallName, cloudCallNames, cloudCalls } from "../../core/model/cloud/calls/index.ts";
import { managerKeyNames } from "../../core/model/manager-configuration.ts";
import { cliName, cliOptions } from "../cloud/command.ts";
import { keysOf } from "../cloud/fields.ts";
import { ctlCommandNames, ctlCommands, ctlName } from "../ctl/command.ts";
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

/**
 * The same for zstack-cli: calls, their keys, and the values of those that have few. Bash divides words at `=`, so what
 * stands before it is looked for among the words.
 */
export function cloudCompletionScript(): string {
  const name = `_${cliName.replaceAll("-", "_")}`;
  const options = cliOptions.flatMap((option) => [
    ...(option.short === undefined ? [] : [`-${option.short}`]),
    `--${option.name}`,
  ]);
  const valued = cliOptions
    .filter(({ value }) => value !== undefined)
    .flatMap((option) => [...(option.short === undefined ? [] : [`-${option.short}`]), `--${option.name}`]);
  const isValued = valued.join(" | ");
  return `# Completes ${cliName}: its calls and their keys.
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local call= key= candidates= word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      ${isValued}) i=$((i + 1)) ;;
      -* | help) ;;
      *) [[ -z $call ]] && call=$word ;;
    esac
  done
  COMPREPLY=()
  case $previous in ${isValued}) compopt -o default 2>/dev/null; return ;; esac
  if [[ $current == = ]]; then key=$previous current=; elif [[ $previous == = ]]; then key=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  case $call/$key in
    /)
      case $current in
        -*) candidates='${options.join(" ")}' ;;
        *) candidates='help ${cloudCallNames.join(" ")}' ;;
      esac
      ;;
${cloudCallNames.flatMap(placesOf).join("\n")}
  esac
  mapfile -t COMPREPLY < <(
    set -f
    for word in $candidates; do
      [[ \${word,,} == "\${current,,}"* ]] && printf '%s\\n' "$word"
    done
  )
  [[ \${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F ${name} ${cliName}
`;
}

/** The same for zstack-ctl: commands, their options, and files behind an option that takes one. */
export function ctlCompletionScript(): string {
  const name = `_${ctlName.replaceAll("-", "_")}`;
  const lines = ctlCommands.map(({ name: command, options }) => {
    const words = [...options.map((option) => `--${option.name}`), "--help"];
    return `    ${command}) candidates='${words.join(" ")}' ;;`;
  });
  const keys = managerKeyNames.map((key) => `${key}=`).join(" ");
  return `# Completes ${ctlName}: its commands and their options.
${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command= candidates= word
  ((COMP_CWORD > 1)) && command=\${COMP_WORDS[1]}
  COMPREPLY=()
  case $previous in
    -f | --file) compopt -o default 2>/dev/null; return ;;
    --range) candidates='${logRanges.join(" ")}' command=value ;;
    --host | --keep-amount | --ip) return ;;
  esac
  case $command in
    '' | help) candidates='${ctlCommandNames.join(" ")} help version --help' ;;
    value) ;;
${lines.join("\n")}
  esac
  [[ $command == configure && $current != -* ]] && candidates='${keys}'
  mapfile -t COMPREPLY < <(
    set -f
    for word in $candidates; do
      [[ $word == "$current"* ]] && printf '%s\\n' "$word"
    done
  )
  [[ \${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F ${name} ${ctlName}
`;
}

function placesOf(name: CloudCallName): string[] {
  const keys = keysOf(cloudCalls[name]);
  const line = (place: string, words: readonly string[]) =>
    words.length === 0 ? [] : [`    ${name}/${place}) candidates='${words.join(" ")}' ;;`];
  return [
    ...keys.flatMap((key) => line(key.name, key.choices)),
    ...line(
      "",
      keys.map((key) => `${key.name}=`),
    ),
  ];
}
