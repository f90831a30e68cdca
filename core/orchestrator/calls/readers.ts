import { type CallOutput, type CloudCallName, cloudCalls } from "../../model/cloud/calls/index.ts";
import type { Store } from "../../store/store.ts";
import type { Mirror } from "../mirror.ts";
import { runQuery } from "../query/query.ts";
import { noSuchResource } from "../records.ts";
import { unreadableError } from "../unreadable.ts";
import type { CallContext } from "./handler.ts";

/* Calls that change nothing. */

type QueryName = Extract<CloudCallName, `Query${string}`>;
type GetName = Exclude<Extract<CloudCallName, `Get${string}`>, "GetVersion" | "GetManagementSummary">;
export type ReaderTable = Record<QueryName | GetName, Reader>;
type Reader = { read: (input: never, context: CallContext) => object | Promise<object> };

type QueryInput = { q: string[]; limit: number; start: number; sortBy?: string; fields?: string[] } & {
  count: boolean;
  replyWithCount: boolean;
};

/** Every Query and Get call of the table. */
export function queryReaders(store: Pick<Store, "list">): ReaderTable {
  const names = Object.keys(cloudCalls) as CloudCallName[];
  const readers = names.flatMap((name): [string, Reader][] => {
    const { resource } = cloudCalls[name];
    if (name.startsWith("Query"))
      return [
        [
          name,
          {
            read: ({ q, ...request }: QueryInput, { mirror }) =>
              runQuery({ mirror, store }, resource, { conditions: q, ...request }),
          },
        ],
      ];
    if (!name.startsWith("Get") || name === "GetVersion" || name === "GetManagementSummary") return [];
    return [
      [
        name,
        {
          read: ({ uuid }: { uuid: string }, { mirror }) => {
            const found = mirror.get(resource, uuid);
            const broken = mirror.unreadable.get(resource, uuid);
            if (broken !== undefined) throw unreadableError(broken);
            if (found === undefined) throw noSuchResource(resource, uuid, "uuid");
            return { inventory: found.value };
          },
        },
      ],
    ];
  });
  return Object.fromEntries(readers) as ReaderTable;
}

/** How much there is of what. Costs nothing, however much there is: the mirror counts while records come and go. */
export function summary(mirror: Mirror): CallOutput<"GetManagementSummary"> {
  const tasks = mirror.counts("Task", "state");
  return {
    hosts: {
      total: mirror.count("Host"),
      byState: Object.fromEntries(mirror.counts("Host", "state")),
      byStatus: Object.fromEntries(mirror.counts("Host", "status")),
    },
    virtualMachines: {
      total: mirror.count("VmInstance"),
      byState: Object.fromEntries(mirror.counts("VmInstance", "state")),
    },
    tasks: {
      running: (tasks.get("Running") ?? 0) + (tasks.get("Cancelling") ?? 0),
      waiting: tasks.get("Waiting") ?? 0,
    },
  };
}
