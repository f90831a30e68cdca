/** A public key of ed25519 that nobody has, as a line of authorized_keys. @param fill another one for each */
export function publicKey(comment: string, fill = 7): string {
  const type = Buffer.from("ssh-ed25519");
  const key = Buffer.concat([length(type.length), type, length(32), Buffer.alloc(32, fill)]);
  return `ssh-ed25519 ${key.toString("base64")}${comment === "" ? "" : ` ${comment}`}`;
}

function length(bytes: number): Buffer {
  const made = Buffer.alloc(4);
  made.writeUInt32BE(bytes);
  return made;
}
