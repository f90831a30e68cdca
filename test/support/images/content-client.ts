import { Agent, type ClientRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";

/* What sends and takes the content of images over real connections, also badly. */

export type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer; json: () => Json };
type Json = { offset?: number; isWhole?: boolean; error?: { code: string; values?: Record<string, unknown> } };

/** A port of 127.0.0.1, or a socket. */
export type Where = { port: number } | { socketPath: string };

export type Sending = {
  /** What is given to the connection by hand; it is not ended by itself. */
  asked: ClientRequest;
  /** Null when the connection ends without an answer. */
  answer: Promise<Answer | null>;
};

export class ContentClient {
  readonly #where: Where;
  readonly #headers: OutgoingHttpHeaders;

  constructor(where: Where, token?: string) {
    this.#where = where;
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /** @param length of the body, as it is announced */
  begin(uuid: string, offset: number, total: number, length: number, more: OutgoingHttpHeaders = {}): Sending {
    const size = "transfer-encoding" in more ? {} : { "content-length": length };
    const headers = { "content-type": "application/octet-stream", ...size, ...more };
    return this.#send("PUT", `${pathOf(uuid)}?offset=${offset}&total=${total}`, headers);
  }

  async put(
    uuid: string,
    offset: number,
    total: number,
    body: Uint8Array,
    more: OutgoingHttpHeaders = {},
  ): Promise<Answer> {
    const { asked, answer } = this.begin(uuid, offset, total, body.length, more);
    asked.end(body);
    return answered(await answer);
  }

  /** How far it has come. */
  async offsetOf(uuid: string, total: number): Promise<number> {
    const { offset } = (await this.put(uuid, 0, total, Buffer.alloc(0))).json();
    if (offset === undefined) throw new Error("It has no offset.");
    return offset;
  }

  async get(uuid: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    const { asked, answer } = this.#send("GET", pathOf(uuid), headers);
    asked.end();
    return answered(await answer);
  }

  /** Takes the head of an answer; the rest when it is told to go on. */
  beginToGet(uuid: string): { begun: Promise<() => void>; answer: Promise<Answer | null> } {
    const { asked, answer } = this.#send("GET", pathOf(uuid), {});
    const begun = new Promise<() => void>((resolve) =>
      asked.once("response", (response) => {
        response.pause();
        resolve(() => void response.resume());
      }),
    );
    asked.end();
    return { begun, answer };
  }

  #send(method: string, path: string, headers: OutgoingHttpHeaders): Sending {
    const asked = request({
      ...{ ...this.#where, method, path, agent: new Agent() },
      headers: { ...this.#headers, ...headers },
    });
    const answer = new Promise<Answer | null>((resolve) => {
      asked.on("error", () => resolve(null));
      asked.on("close", () => resolve(null));
      asked.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", () => resolve(null));
        response.on("end", () => {
          const body = Buffer.concat(chunks);
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, body, json: () => JSON.parse(body.toString()) as Json });
        });
      });
    });
    return { asked, answer };
  }
}

/** As often as it takes: what is waited for comes by itself, or never. */
export async function become<T>(look: () => Promise<T>, isSo: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    if (performance.now() > deadline) throw new Error(`It has stayed ${JSON.stringify(value)}.`);
  }
}

export function answered(answer: Answer | null): Answer {
  if (answer === null) throw new Error("The connection ended without an answer.");
  return answer;
}

function pathOf(uuid: string): string {
  return `/v1/images/${uuid}/content`;
}
