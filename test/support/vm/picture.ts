/** What a screen shows: three bytes for each pixel, row by row. */
export type Picture = { readonly width: number; readonly height: number; readonly rgb: Uint8Array };

/** Reads a binary portable pixmap (P6), as QEMU writes one. @throws when it is something else, or cut off */
export function parsePpm(bytes: Buffer): Picture {
  const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 64).toString("latin1"));
  if (header === null) throw new Error("This is no binary portable pixmap.");
  const [width, height] = [Number(header[1]), Number(header[2])];
  const rgb = bytes.subarray(header[0].length, header[0].length + width * height * 3);
  if (rgb.length < width * height * 3) throw new Error("The portable pixmap is cut off.");
  return { width, height, rgb };
}
