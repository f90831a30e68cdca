const dayMs = 86_400_000;

/**
 * shadow(5) with the password of `user` set to the crypt(3) hash `hash`; the other lines stay as they are.
 * @param now milliseconds since the epoch: the day of the change
 * @throws RangeError when there is no such user, or the hash could not stand in the file
 */
export function withPassword(shadow: string, user: string, hash: string, now: number): string {
  if (/[:\s]/.test(hash) || hash === "") throw new RangeError("A hash has neither colons nor blanks.");
  let found = false;
  const lines = shadow.split("\n").map((line) => {
    const fields = line.split(":");
    if (fields[0] !== user || fields.length < 2) return line;
    found = true;
    return [user, hash, Math.floor(now / dayMs), ...fields.slice(3)].join(":");
  });
  if (!found) throw new RangeError(`There is no user ${user}.`);
  return lines.join("\n");
}
