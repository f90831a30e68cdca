type Attributes = { flags: readonly string[]; foreground: string; background: string };

/**
 * Whether a blank looks the same in these SGR parameters as in none: no underline, no inverse, no background.
 */
export function leavesBlanksPlain(sgr: string): boolean {
  const { flags, background } = attributesOf(sgr);
  return background === "" && flags.every((flag) => flag === "1" || flag === "2");
}

/** The shortest sequence from one set of SGR parameters to another. */
export function changeStyle(from: string, to: string): string {
  if (from === to) return "";
  if (to === "") return "\x1b[m";
  if (from === "") return `\x1b[${to}m`;
  const known = changes.get(`${from}|${to}`);
  if (known !== undefined) return known;
  const change = computeChange(attributesOf(from), attributesOf(to), to);
  changes.set(`${from}|${to}`, change);
  return change;
}

const changes = new Map<string, string>();

function computeChange(from: Attributes, to: Attributes, toText: string): string {
  const anew = `\x1b[0;${toText}m`;
  const canKeep =
    from.flags.every((flag) => to.flags.includes(flag)) &&
    (from.foreground === "" || to.foreground !== "") &&
    (from.background === "" || to.background !== "");
  if (!canKeep) return anew;
  const parts = to.flags.filter((flag) => !from.flags.includes(flag));
  if (to.foreground !== from.foreground) parts.push(to.foreground);
  if (to.background !== from.background) parts.push(to.background);
  return parts.length === 0 ? "" : `\x1b[${parts.join(";")}m`;
}

const parsed = new Map<string, Attributes>();

function attributesOf(sgr: string): Attributes {
  const known = parsed.get(sgr);
  if (known !== undefined) return known;
  const flags: string[] = [];
  let foreground = "";
  let background = "";
  for (const [part] of sgr.matchAll(/[34]8;5;\d+|\d+/g)) {
    if (/^(3|9)\d/.test(part)) foreground = part;
    else if (/^(4|10)\d/.test(part)) background = part;
    else flags.push(part);
  }
  const attributes = { flags, foreground, background };
  parsed.set(sgr, attributes);
  return attributes;
}
