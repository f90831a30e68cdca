const endMarker = [0x1b, 0x5b, 0x32, 0x30, 0x31, 0x7e]; // ESC [ 201 ~
const longest = 1 << 20;

/** Gathers the bytes of a bracketed paste up to its end marker. What goes beyond 1 MiB is dropped. */
export class PasteCollector {
  #bytes = new Uint8Array(256);
  #length = 0;
  #matched = 0;

  /** Returns true when the byte completed the end marker. */
  add(byte: number): boolean {
    if (byte === endMarker[this.#matched]) {
      this.#matched++;
      return this.#matched === endMarker.length;
    }
    for (const held of endMarker.slice(0, this.#matched)) this.#append(held);
    this.#matched = byte === endMarker[0] ? 1 : 0;
    if (this.#matched === 0) this.#append(byte);
    return false;
  }

  /** The text so far, without its control characters; forgets it. */
  take(): string {
    const text = pasteText(this.#bytes.subarray(0, this.#length));
    this.#bytes = new Uint8Array(256);
    this.#length = 0;
    this.#matched = 0;
    return text;
  }

  #append(byte: number): void {
    if (this.#length === longest) return;
    if (this.#length === this.#bytes.length) {
      const larger = new Uint8Array(this.#length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes[this.#length++] = byte;
  }
}

const controlSequence = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-?]*[ -/]*[@-~]`, "g");
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Pasted bytes as text: UTF-8 with what is no UTF-8 left out, line ends as \n, colour sequences and control characters
 * (but \n and \t) removed.
 */
export function pasteText(bytes: Uint8Array): string {
  return utf8
    .decode(bytes)
    .replaceAll("\ufffd", "")
    .replace(/\r\n?/g, "\n")
    .replace(controlSequence, "")
    .replace(/(?![\n\t])\p{Cc}/gu, "");
}
