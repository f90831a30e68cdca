import { NodeError } from "../../model/error.ts";
import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import { Secret } from "../../model/secret.ts";
import type { EtcdOptions } from "./client.ts";

/*
 * How a management node gets into etcd, as its configuration says. The password lies in a file. While it is being
 * changed a second file beside it holds the next one, so that at no moment a manager that starts has none that is right:
 *
 *   1. the next password is written to FILE.next, durably;
 *   2. etcd is told;
 *   3. FILE.next takes the place of FILE.
 *
 * Whoever opens the store tries FILE, and where etcd refuses that, FILE.next.
 */

/** The file that holds the next password while it is being changed. */
export function nextPasswordFile(file: string): string {
  return `${file}.next`;
}

/** The password in a file's text: without the line's end, which editors add. */
export function passwordIn(text: string): Secret {
  return new Secret(text.replace(/\r?\n$/, ""));
}

/** The text of a file; undefined when there is none. Throws the system's error when it can't be read. */
type Read = (file: string) => Promise<string | undefined>;

/** Members and certificates, without a user. @throws MANAGER.CONFIGURATION */
export async function etcdMembers(configuration: ManagerConfiguration, read: Read): Promise<EtcdOptions> {
  const [first, ...others] = configuration["store.etcd.endpoints"].split(",");
  if (first === undefined) throw new Error("A checked configuration names no member of etcd.");
  const [ca, cert, key] = await Promise.all(
    (["store.etcd.ca", "store.etcd.certificate", "store.etcd.key"] as const).map((name) =>
      needed(configuration[name], read),
    ),
  );
  return {
    endpoints: [first, ...others],
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
  };
}

/** The users as whom to try, in their order; a single undefined where no user is configured. */
export async function etcdUsers(configuration: ManagerConfiguration, read: Read): Promise<EtcdOptions["user"][]> {
  const [name, file] = [configuration["store.etcd.user"], configuration["store.etcd.passwordFile"]];
  if (name === "" || file === "") return [undefined];
  const next = await read(nextPasswordFile(file));
  const present = next === undefined ? await needed(file, read) : await read(file);
  return [present, next].flatMap((text) => (text === undefined ? [] : [{ name, password: passwordIn(text) }]));
}

/**
 * Does something as the first user whom etcd lets in.
 *
 * @throws STORE.DENIED when it lets none in; MANAGER.CONFIGURATION; what `act` throws
 */
export async function asUser<T>(
  configuration: ManagerConfiguration,
  read: Read,
  act: (options: EtcdOptions) => Promise<T>,
): Promise<T> {
  const members = await etcdMembers(configuration, read);
  let denied: unknown;
  for (const user of await etcdUsers(configuration, read))
    try {
      return await act({ ...members, ...(user === undefined ? {} : { user }) });
    } catch (error) {
      if (!(error instanceof NodeError && error.code === "STORE.DENIED")) throw error;
      denied ??= error;
    }
  throw denied;
}

async function needed(file: string, read: Read): Promise<string | undefined> {
  if (file === "") return;
  let cause: unknown;
  try {
    const text = await read(file);
    if (text !== undefined) return text;
  } catch (error) {
    cause = error;
  }
  throw new NodeError("MANAGER.CONFIGURATION", `${file}, which the configuration names, can't be read.`, {
    remedy: "Mend the path in the configuration, or put the file there.",
    values: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}
