import { createRequire } from "node:module";

/** A program on a pseudo terminal, as node-pty gives it; only what the test beds use of it. */
export type Pty = {
  readonly pid: number;
  /** The terminal's other side. */
  readonly fd: number;
  /** Bytes, because the terminals are opened without an encoding. */
  onData(listener: (data: Buffer) => void): void;
  onExit(listener: (event: { exitCode: number; signal?: number | undefined }) => void): void;
  write(data: string | Buffer): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
  /** Closes this end: the program's terminal hangs up. */
  destroy(): void;
};

type PtyOptions = {
  name: string;
  cols: number;
  rows: number;
  cwd?: string;
  env: Record<string, string>;
};

/**
 * Starts a program on a new pseudo terminal. The prebuilt distribution declares its types under the name `node-pty`
 * as an ambient module inside a file that is none, which a strict module resolution refuses; hence the small type here.
 */
export function spawnPty(program: string, args: readonly string[], options: PtyOptions): Pty {
  const { spawn } = createRequire(import.meta.url)("node-pty");
  return spawn(program, [...args], { ...options, encoding: null });
}
