export type GuestModes = { applicationCursor: boolean; bracketedPaste: boolean };

/**
 * What was typed, as the guest's program expects it: the real terminal sends arrow keys in its own way, and marks what is
 * pasted, whatever the guest has asked for. Everything else goes through as it came, so that no key is slow or lost.
 */
export function guestBytes(bytes: Uint8Array, { applicationCursor, bracketedPaste }: GuestModes): Buffer {
  // One character for each byte, and back.
  let text = Buffer.from(bytes).toString("latin1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these begin with one
  if (!bracketedPaste) text = text.replace(/\x1b\[20[01]~/g, "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these begin with one
  if (applicationCursor) text = text.replace(/\x1b\[([ABCDFH])/g, "\x1bO$1");
  return Buffer.from(text, "latin1");
}
