/** Ids below this belong to the system. Source: Debian policy 9.2.2. */
const firstPersonId = 1000;

/**
 * The system's users and groups in the words of sysusers.d(5), from the texts of the image's /etc/passwd and /etc/group.
 * A node keeps its own copies of these files from the first change on, so a user that came with a later version is
 * missing there until binnacle-users.service adds it; whoever is there already stays as it is.
 */
export function usersConfiguration(passwd: string, group: string): string {
  const groups = records(group).filter(({ id }) => id < firstPersonId);
  const nameOf = new Map(groups.map(({ name, id }) => [id, name]));
  const lines = groups.map(({ name, id }) => `g ${name} ${id}`);
  for (const { name, id, fields } of records(passwd)) {
    if (id >= firstPersonId || id === 0) continue;
    const own = nameOf.get(Number(fields[3]));
    if (own === undefined) continue;
    const [, , , , gecos = "", home = "", shell = ""] = fields;
    lines.push(`u ${name} ${id}:${own} ${quoted(gecos)} ${quoted(home)} ${quoted(shell)}`);
  }
  for (const { name, fields } of groups)
    for (const member of (fields[3] ?? "").split(",").filter((one) => one !== "")) lines.push(`m ${member} ${name}`);
  return `${lines.join("\n")}\n`;
}

type Entry = { name: string; id: number; fields: string[] };

/** Both files have name and id in the same places. */
function records(text: string): Entry[] {
  return text
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length > 3)
    .map((fields) => ({ name: fields[0] ?? "", id: Number(fields[2]), fields }));
}

/** An empty field is a dash there, and a percent sign begins a specifier. */
function quoted(text: string): string {
  return text === "" ? "-" : `"${text.replaceAll("%", "%%").replace(/["\\]/g, "\\$&")}"`;
}
