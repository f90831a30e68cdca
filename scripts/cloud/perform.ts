import { CallRefused, type CloudClient, type FollowedTask } from "../../core/api/cloud-client.ts";
import { type CloudCallName, cloudCalls } from "../../core/model/cloud/calls/index.ts";
import { cloudErrorBody } from "../../core/model/cloud/refusal.ts";
import { NodeError } from "../../core/model/error.ts";
import { shown } from "../../core/model/quote.ts";
import { beforeMaintenance, tellStopped } from "./maintenance.ts";
import { ProgressLine } from "./progress.ts";
import { inputOf, isQuery, type Request } from "./request.ts";
import type { SecretSource } from "./secrets.ts";
import { forgetSession, keepSession } from "./session-file.ts";

export type Performance = {
  client: CloudClient;
  secrets: SecretSource;
  /** Asks a person; undefined where nobody is there. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
  /** Nobody has to be asked before machines are stopped. */
  isSure: boolean;
  /** The answer is for a person, who has to see that there is more than is shown. */
  isTable: boolean;
  /** The end of a task is waited for. */
  isWaiting: boolean;
  signal: AbortSignal;
  /** A line for the person, beside the answer. */
  warn: (line: string) => void;
};

/**
 * Carries out a call and gives its answer: of a call that takes long, what it worked on when it has ended. Keeps and
 * forgets the session. @throws UsageError, NodeError
 */
export async function perform(request: Request, how: Performance): Promise<object> {
  const { client } = how;
  if (request.call.access === "session" && client.token === undefined) throw noSession(client.server);
  const looked = request.name === "AddKVMHost" ? await lookedAt(request, how) : {};
  await beforeMaintenance(request, how);
  const secrets = request.missingSecrets.length === 0 ? new Map() : await how.secrets(request.missingSecrets);
  const image = request.name === "AddImage" ? await (await import("./send-image.ts")).localImage(request) : undefined;
  const more = { ...looked, ...(image === undefined ? {} : { url: image.url }) };
  const input = { ...inputOf(request, secrets), ...more, ...(how.isTable ? countedToo(request) : {}) };
  try {
    if (request.name === "LogInByAccount") return await logIn(input, how);
    const answer = await client.ask(request.name, input, how.signal);
    if (image !== undefined) {
      const { sendImage } = await import("./send-image.ts");
      await sendImage(client, client.taskIn(answer, "task"), image, how.signal);
    }
    if (request.name === "LogOut") forget(client);
    if (how.isTable && isQuery(request.name))
      return await (await import("./related.ts")).withRelated(request, answer, how);
    // A change may begin a task, too: a host goes into maintenance.
    return "task" in answer && request.name !== "CancelTask" && how.isWaiting
      ? await ending(request, answer, how)
      : answer;
  } catch (error) {
    if (error instanceof CallRefused && error.code === "IDENTITY.1001") forget(client);
    throw error;
  }
}

/** A table says how many there are in all. */
function countedToo({ name, texts }: Request): object {
  const isCounted = ["count", "replyWithCount"].some((key) => texts.has(key));
  return isQuery(name) && !isCounted ? { replyWithCount: true } : {};
}

/**
 * The certificate that a machine shows which is to be added: its password goes to whoever shows this one, and to nobody
 * else. A person compares it with the machine's own console; a script has to know it. @throws CLOUD.UNKNOWN_HOST,
 * CLOUD.OTHER_HOST
 */
async function lookedAt({ texts }: Request, { client, confirm }: Performance): Promise<object> {
  const managementIp = texts.get("managementIp")?.at(-1);
  if (texts.has("fingerprint") || managementIp === undefined) return {};
  if (confirm === undefined)
    throw new NodeError(
      "CLOUD.UNKNOWN_HOST",
      `Nobody has compared the certificate of ${shown(managementIp)}, and there is no terminal to ask at: nothing was sent.`,
      {
        remedy:
          `See it with: zstack-cli GetHostFingerprint managementIp=${shown(managementIp)}. Where the machine's own ` +
          "console shows the same behind F2, Cloud, give it: fingerprint=40:9A:...",
      },
    );
  const { fingerprint } = await client.call("GetHostFingerprint", { managementIp });
  const asked = `${managementIp} shows the certificate\n  ${fingerprint}\nIts console shows the same behind F2, Cloud.`;
  if (await confirm(`${asked} Is it this one?`)) return { fingerprint };
  throw new NodeError(
    "CLOUD.OTHER_HOST",
    "The machine that answers is not the one that is meant: nothing was told to it.",
    {
      remedy: "Look at the address, and at who else may have it.",
    },
  );
}

function noSession(server: string): NodeError {
  return new NodeError("IDENTITY.1001", `The session is not valid: nobody is logged in at ${server}.`);
}

function forget(client: CloudClient): void {
  client.token = undefined;
  try {
    forgetSession(client.server);
  } catch {
    // The manager knows that it is over.
  }
}

/** The token is for the file alone: an answer is copied, and scrolls by in front of others. */
async function logIn(input: Record<string, unknown>, how: Performance): Promise<object> {
  const { client, warn } = how;
  const accountName = String(input["accountName"]);
  const former = client.token;
  const answer = await opened({ accountName, password: String(input["password"]) }, how);
  const { token, ...session } = answer.session;
  client.token = token;
  try {
    keepSession(client.server, { token, accountName });
  } catch (error) {
    warn(`The session can't be kept for later calls: ${error instanceof Error ? error.message : ""}`);
  }
  await endSession(former, how);
  if (session.mustChangePassword)
    warn("The password must be changed before anything else: UpdateAccountPassword asks for the old and the new one.");
  return { session };
}

/** Where the user has all the sessions that are allowed, the one that is kept here makes room for the new one. */
async function opened(input: { accountName: string; password: string }, how: Performance) {
  const { client, signal } = how;
  try {
    return await client.call("LogInByAccount", input, signal);
  } catch (error) {
    const isFull = error instanceof CallRefused && error.code === "IDENTITY.1008";
    if (!isFull || client.token === undefined) throw error;
    await endSession(client.token, how);
    forget(client);
    return client.call("LogInByAccount", input, signal);
  }
}

/** A session that nobody can use any more, for its token is kept no longer. One that goes on ends by itself. */
async function endSession(token: string | undefined, { client, signal }: Performance): Promise<void> {
  const present = client.token;
  if (token === undefined) return;
  try {
    client.token = token;
    await client.call("LogOut", {}, AbortSignal.any([signal, AbortSignal.timeout(logOutMs)]));
  } catch {
    // It is over already, or the manager is away.
  } finally {
    client.token = present;
  }
}

/** The new session is there: nobody waits long for the end of the old one. */
const logOutMs = 5_000;

async function ending(request: Request, answer: object, how: Performance): Promise<object> {
  const { name, call } = request;
  const { client, signal } = how;
  const { uuid } = client.taskIn(answer, "task");
  const line = new ProgressLine();
  try {
    const task = await client.follow(uuid, {
      signal,
      onTask: ({ state, progress, step }) => line.show(`${name}: ${progress} % ${step ?? state}`),
    });
    line.end();
    if (task.state !== "Succeeded") throw failureOf(task);
    tellStopped(request, task, how);
    return await resultOf(task, call.method === "DELETE", call.resource, how);
  } catch (error) {
    line.end();
    if (error instanceof NodeError && error.code.startsWith("CLOUD.") && !error.code.startsWith("CLOUD.TASK"))
      throw unfollowed(error, uuid);
    throw error;
  }
}

/** Only this command does not see the end. */
function unfollowed({ code, message }: NodeError, uuid: string): NodeError {
  const why = code === "CLOUD.STOPPED" ? "The task goes on; nobody waits for its end any more." : message;
  return new NodeError(code, why, {
    remedy: `Look at the task with GetTask uuid=${uuid}, or take it back with CancelTask uuid=${uuid}`,
  });
}

function failureOf(task: FollowedTask): NodeError {
  const told = cloudErrorBody.safeParse({ error: task["error"] });
  if (told.success) return new CallRefused(told.data.error);
  const [code, words] =
    task.state === "Cancelled" ? ["CLOUD.TASK_CANCELLED", "was taken back"] : ["CLOUD.TASK_FAILED", "failed"];
  return new NodeError(code, `The task of ${task.call} ${words}: all that it had done is undone.`, {
    remedy: `See: GetTask uuid=${task.uuid}`,
  });
}

/** What the task made or changed, where that is still there. */
async function resultOf(
  task: FollowedTask,
  isDeletion: boolean,
  resource: string,
  { client, signal }: Performance,
): Promise<object> {
  const { result, resourceUuid } = task;
  if (typeof result === "object" && result !== null && "inventory" in result) return { inventory: result.inventory };
  const get = `Get${resource}`;
  if (isDeletion || resourceUuid === null || !isCall(get)) return { task };
  return client.ask(get, { uuid: resourceUuid }, signal).catch((error: unknown) => {
    if (error instanceof CallRefused) return { task };
    throw error;
  });
}

function isCall(name: string): name is CloudCallName {
  return Object.hasOwn(cloudCalls, name);
}
