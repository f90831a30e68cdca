import * as fs from "node:fs";
import * as path from "node:path";

/** Where a preview keeps its state, and where its agent listens. */
export type Place = { readonly home: string; readonly socket: string };

/** A place that can't be used; the message is for the person at the terminal. */
export class PlaceError extends Error {}

/** Linux keeps a socket's path in 108 bytes, the zero byte at its end included (unix(7), `sun_path`). */
const socketPathLimit = 107;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The private place of a user: `$BINNACLE_HOME`, else `$XDG_STATE_HOME/binnacle`, else `~/.local/state/binnacle`. The
 * socket lies in `$XDG_RUNTIME_DIR/binnacle` where there is one, else beside the state; always beside it when
 * `$BINNACLE_HOME` names the place.
 * @throws PlaceError when the socket's path is too long.
 */
export function privatePlace(environment: Environment, userHome: string): Place {
  const chosen = environment["BINNACLE_HOME"];
  const stateHome = absolute(environment["XDG_STATE_HOME"]) ?? path.join(userHome, ".local/state");
  const home = chosen ? path.resolve(chosen) : path.join(stateHome, "binnacle");
  const runtime = chosen ? undefined : absolute(environment["XDG_RUNTIME_DIR"]);
  const candidates = [...(runtime === undefined ? [] : [path.join(runtime, "binnacle")]), home];
  const sockets = candidates.map((folder) => path.join(folder, "agent.sock"));
  const socket = sockets.find((file) => Buffer.byteLength(file) <= socketPathLimit);
  if (socket !== undefined) return { home, socket };
  const longest = path.join(home, "agent.sock");
  throw new PlaceError(
    `The socket's path ${longest} has ${Buffer.byteLength(longest)} bytes; Linux allows ${socketPathLimit}. ` +
      "Set BINNACLE_HOME to a folder with a shorter name.",
  );
}

/** The XDG specification: a value that is not absolute is to be ignored. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && path.isAbsolute(value) ? value : undefined;
}

/**
 * Makes the folders of a place, open to their owner only. A folder that is there already keeps its permissions: it may
 * be one that others need, such as `/tmp`. That others can read it does no harm, since every file in it is its owner's
 * only; where they can write, one of them could put a socket of his own in the agent's place.
 * @throws PlaceError when one belongs to somebody else, can be written by others, or can't be made.
 */
export function makePlace(place: Place): void {
  for (const folder of new Set([place.home, path.dirname(place.socket)])) {
    try {
      const made = fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (made === undefined) requirePrivate(folder);
    } catch (error) {
      if (error instanceof PlaceError || !(error instanceof Error)) throw error;
      throw new PlaceError(`${folder} can't be used: ${error.message}. Set BINNACLE_HOME to a folder of your own.`);
    }
  }
}

function requirePrivate(folder: string): void {
  const { uid, mode } = fs.statSync(folder);
  if (process.getuid !== undefined && uid !== process.getuid())
    throw new PlaceError(`${folder} belongs to another user (${uid}). Set BINNACLE_HOME to a folder of your own.`);
  if ((mode & 0o022) !== 0)
    throw new PlaceError(
      `Other users may write in ${folder}. Set BINNACLE_HOME to a folder of your own; or, if this one is nobody ` +
        `else's, take that right away: chmod go-w ${folder}`,
    );
}
