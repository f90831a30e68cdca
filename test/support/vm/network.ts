import { createServer, type Socket } from "node:net";
import * as path from "node:path";

/** An Ethernet switch between machines that leads nowhere else. Its `socket` goes into the machines' options. */
export type Network = {
  readonly socket: string;
  /** Called with each frame that a machine sends: destination, source, type, content. */
  onFrame: ((frame: Buffer) => void) | undefined;
  /** Sends a frame to all machines. */
  send(frame: Buffer): void;
  close(): Promise<void>;
};

/** Each frame comes after its length in four bytes. Source: QEMU, "-netdev stream". */
export async function startNetwork(folder: string, name = "network"): Promise<Network> {
  const socket = path.join(folder, `${name}.sock`);
  const ports = new Set<Socket>();
  const forward = (frame: Buffer, from?: Socket) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(frame.length);
    for (const port of ports) if (port !== from) port.write(Buffer.concat([length, frame]));
  };
  const server = createServer((port) => {
    ports.add(port);
    let rest: Buffer = Buffer.alloc(0);
    port.on("data", (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const frame = rest.subarray(4, 4 + rest.readUInt32BE(0));
        rest = rest.subarray(4 + frame.length);
        network.onFrame?.(frame);
        forward(frame, port);
      }
    });
    port.on("error", () => {});
    port.on("close", () => ports.delete(port));
  });
  const network: Network = {
    socket,
    onFrame: undefined,
    send: (frame) => forward(frame),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const port of ports) port.destroy();
      }),
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  return network;
}
