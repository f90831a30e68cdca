import { execFile } from "node:child_process";

/*
 * What systemd is told of the manager. Its own little program carries the message, for Node can't write to the kind of
 * socket that systemd listens on. Source: sd_notify(3), systemd-notify(1).
 */

const limitMs = 5_000;

/** Tells the state, as `READY=1` or `STATUS=…`; nothing when systemd has not started us. */
export function notify(...states: readonly string[]): void {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  execFile("systemd-notify", [...states], { timeout: limitMs }, () => undefined);
}

/**
 * Tells systemd from time to time that we are alive; it restarts us when that stays away. The timer runs in the loop
 * that serves the calls: when that hangs, so does it.
 */
export function keepAlive(): () => void {
  const usec = Number(process.env["WATCHDOG_USEC"]);
  if (!(usec > 0)) return () => undefined;
  const timer = setInterval(() => notify("WATCHDOG=1"), usec / 1000 / 3);
  return () => clearInterval(timer);
}
