import { createCipheriv } from "node:crypto";
import { createConnection, type NetConnectOpts, type Socket } from "node:net";
import { keysOf } from "./keyboard.ts";
import type { Picture } from "./picture.ts";
import { TextReader } from "./read-text.ts";

/** X11's names of keys that write nothing, as RFB sends them. Source: RFC 6143, 7.5.4. */
const keysyms = {
  ...{ backspace: 0xff08, tab: 0xff09, enter: 0xff0d, esc: 0xff1b, delete: 0xffff },
  ...{ home: 0xff50, left: 0xff51, up: 0xff52, right: 0xff53, down: 0xff54, pageUp: 0xff55, pageDown: 0xff56 },
  ...{ end: 0xff57, shift: 0xffe1, ctrl: 0xffe3, alt: 0xffe9 },
  ...{ f1: 0xffbe, f2: 0xffbf, f3: 0xffc0, f4: 0xffc1, f5: 0xffc2, f6: 0xffc3, f7: 0xffc4, f8: 0xffc5, f9: 0xffc6 },
  ...{ f10: 0xffc7, f11: 0xffc8, f12: 0xffc9 },
} as const;
export type VncKey = keyof typeof keysyms;

const security = { none: 1, password: 2 } as const;
const encoding = { raw: 0, desktopSize: -223 } as const;
const bytesPerPixel = 4;

/** A viewer of a VNC server: pictures as they are, a password of eight characters. Source: RFC 6143, version 3.8. */
export class VncViewer {
  readonly #socket: Socket;
  readonly #watchers = new Set<() => void>();
  readonly #reader = new TextReader();
  #received: Buffer = Buffer.alloc(0);
  #wanted: { count: number; resolve(bytes: Buffer): void; reject(error: Error): void } | undefined;
  #picture: Picture = { width: 0, height: 0, rgb: new Uint8Array() };
  #end: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
      this.#serve();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("The VNC server closed the connection.")));
  }

  /** Connects and gets the first picture. @throws with the server's reason when it refuses, as on a wrong password */
  static async open(to: NetConnectOpts, password?: string): Promise<VncViewer> {
    const viewer = new VncViewer(createConnection(to));
    try {
      await viewer.#shakeHands(password);
    } catch (error) {
      viewer.close();
      throw error;
    }
    viewer.#follow().catch((error: unknown) => viewer.#fail(error instanceof Error ? error : new Error(String(error))));
    await viewer.#until(() => viewer.#picture.rgb.some((value) => value !== 0), "picture", 60_000);
    return viewer;
  }

  picture(): Picture {
    return this.#picture;
  }

  /** See {@link TextReader}. */
  text(): string {
    return this.#reader.read(this.#picture);
  }

  until(what: string | RegExp, timeoutMs = 60_000): Promise<void> {
    const holds = () => (typeof what === "string" ? this.text().includes(what) : what.test(this.text()));
    return this.#until(holds, String(what), timeoutMs);
  }

  /** Presses keys together. */
  press(...keys: readonly VncKey[]): void {
    for (const key of keys) this.#key(keysyms[key], true);
    for (const key of keys.toReversed()) this.#key(keysyms[key], false);
  }

  /** Types on a keyboard with US layout: a viewer tells the character, and of the shift key as well. */
  type(text: string): void {
    for (const character of text) {
      const shift = keysOf(character)[0]?.[0] === "shift";
      const keysym = character === "\r" || character === "\n" ? keysyms.enter : character.charCodeAt(0);
      if (shift) this.#key(keysyms.shift, true);
      this.#key(keysym, true);
      this.#key(keysym, false);
      if (shift) this.#key(keysyms.shift, false);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #shakeHands(password: string | undefined): Promise<void> {
    await this.#read(12);
    this.#socket.write("RFB 003.008\n");
    const [count = 0] = await this.#read(1);
    if (count === 0) throw new Error(await this.#reason());
    const offered = await this.#read(count);
    const kind = password === undefined ? security.none : security.password;
    if (!offered.includes(kind)) throw new Error(`The VNC server offers security ${[...offered].join(", ")} only.`);
    this.#socket.write(Buffer.from([kind]));
    if (password !== undefined) this.#socket.write(vncResponse(await this.#read(16), password));
    if ((await this.#read(4)).readUInt32BE(0) !== 0) throw new Error(await this.#reason());
    this.#socket.write(Buffer.from([1]));
    const init = await this.#read(24);
    await this.#read(init.readUInt32BE(20));
    this.#resize(init.readUInt16BE(0), init.readUInt16BE(2));
    // 32 bits, 24 of them colour, red lowest: one pixel is the bytes red, green, blue and nothing.
    const format = Buffer.from([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0]);
    const encodings = Buffer.alloc(12);
    encodings.writeUInt8(2, 0);
    encodings.writeUInt16BE(2, 2);
    encodings.writeInt32BE(encoding.raw, 4);
    encodings.writeInt32BE(encoding.desktopSize, 8);
    this.#socket.write(Buffer.concat([format, encodings]));
    this.#ask(false);
  }

  async #reason(): Promise<string> {
    return (await this.#read((await this.#read(4)).readUInt32BE(0))).toString();
  }

  async #follow(): Promise<void> {
    for (;;) {
      const [kind] = await this.#read(1);
      if (kind === 0) await this.#update();
      else if (kind === 1) {
        const head = await this.#read(5);
        await this.#read(6 * head.readUInt16BE(3));
      } else if (kind === 3) await this.#read((await this.#read(7)).readUInt32BE(3));
      else if (kind !== 2) throw new Error(`The VNC server sent a message of kind ${kind}.`);
    }
  }

  async #update(): Promise<void> {
    const rectangles = (await this.#read(3)).readUInt16BE(1);
    let resized = false;
    for (let index = 0; index < rectangles; index += 1) {
      const head = await this.#read(12);
      const [x, y, width, height] = [0, 2, 4, 6].map((at) => head.readUInt16BE(at));
      if (x === undefined || y === undefined || width === undefined || height === undefined) return;
      if (head.readInt32BE(8) === encoding.desktopSize) {
        this.#resize(width, height);
        resized = true;
      } else this.#draw(x, y, width, height, await this.#read(width * height * bytesPerPixel));
    }
    this.#ask(!resized);
    for (const watcher of this.#watchers) watcher();
  }

  #draw(left: number, top: number, width: number, height: number, bytes: Buffer): void {
    const { rgb, width: screenWidth } = this.#picture;
    for (let y = 0; y < height; y += 1)
      for (let x = 0; x < width; x += 1) {
        const from = (y * width + x) * bytesPerPixel;
        rgb.set(bytes.subarray(from, from + 3), ((top + y) * screenWidth + left + x) * 3);
      }
  }

  #resize(width: number, height: number): void {
    this.#picture = { width, height, rgb: new Uint8Array(width * height * 3) };
  }

  #ask(incremental: boolean): void {
    const request = Buffer.from([3, incremental ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    request.writeUInt16BE(this.#picture.width, 6);
    request.writeUInt16BE(this.#picture.height, 8);
    this.#socket.write(request);
  }

  #key(keysym: number, down: boolean): void {
    const message = Buffer.from([4, down ? 1 : 0, 0, 0, 0, 0, 0, 0]);
    message.writeUInt32BE(keysym, 4);
    this.#socket.write(message);
  }

  #read(count: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#wanted = { count, resolve, reject };
      this.#serve();
    });
  }

  #serve(): void {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    if (this.#received.length >= wanted.count) {
      this.#wanted = undefined;
      const bytes = this.#received.subarray(0, wanted.count);
      this.#received = this.#received.subarray(wanted.count);
      wanted.resolve(bytes);
    } else if (this.#end !== undefined) {
      this.#wanted = undefined;
      wanted.reject(this.#end);
    }
  }

  #fail(error: Error): void {
    this.#end ??= error;
    this.#serve();
    for (const watcher of this.#watchers) watcher();
  }

  #until(holds: () => boolean, what: string, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (error?: Error) => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = () => {
        if (holds()) end();
        else if (this.#end !== undefined) end(this.#end);
      };
      const timer = setTimeout(() => end(new Error(`VNC never showed ${what}:\n${this.text()}`)), timeoutMs);
      this.#watchers.add(look);
      look();
    });
  }
}

/**
 * The answer to a server's challenge: DES with the password, whose bytes have their bits reversed. Three rounds of
 * triple DES with the same key are one of DES, which OpenSSL no longer offers by itself. Source: RFC 6143, 7.2.2.
 */
export function vncResponse(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, "latin1").copy(key);
  const reversed = key.map((byte) =>
    Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2),
  );
  const cipher = createCipheriv("des-ede3", Buffer.concat([reversed, reversed, reversed]), null);
  return cipher.setAutoPadding(false).update(challenge);
}
