import * as z from "zod/mini";
import { agentAddress, line, say } from "../fields.ts";
import { host as hostRecord, hostStateEvents } from "../host.ts";
import { task } from "../operations.ts";
import { cluster, zone } from "../place.ts";
import {
  action,
  asTask,
  cascade,
  creation,
  get,
  named,
  onOff,
  preset,
  query,
  renamed,
  stateChange,
  update,
} from "./call.ts";

const zoneTags = preset(zone.shape.tags, []);
const clusterTags = preset(cluster.shape.tags, []);

export const zoneCalls = {
  CreateZone: creation("Zone", "Makes a zone.", { ...named("Zone"), tags: zoneTags }),
  QueryZone: query("Zone"),
  GetZone: get("Zone"),
  UpdateZone: update("Zone", "Changes a zone's name, description or tags.", {
    ...renamed("Zone"),
    tags: z.optional(zone.shape.tags),
  }),
  ChangeZoneState: onOff("Zone", "Enables or disables a zone."),
  DeleteZone: cascade("Zone", "Deletes a zone with everything in it."),
} as const;

export const clusterCalls = {
  CreateCluster: creation("Cluster", "Makes a cluster in a zone.", {
    ...named("Cluster"),
    zoneUuid: cluster.shape.zoneUuid,
    hypervisorType: preset(cluster.shape.hypervisorType, "KVM"),
    checkCpuModel: preset(cluster.shape.checkCpuModel, false),
    migrationNetworkCidr: preset(cluster.shape.migrationNetworkCidr, null),
    tags: clusterTags,
  }),
  QueryCluster: query("Cluster"),
  GetCluster: get("Cluster"),
  UpdateCluster: update("Cluster", "Changes a cluster.", {
    ...renamed("Cluster"),
    checkCpuModel: z.optional(cluster.shape.checkCpuModel),
    migrationNetworkCidr: z.optional(cluster.shape.migrationNetworkCidr),
    tags: z.optional(cluster.shape.tags),
  }),
  ChangeClusterState: onOff("Cluster", "Enables or disables a cluster."),
  DeleteCluster: cascade("Cluster", "Deletes a cluster with its hosts and machines."),
} as const;

const fingerprint = z.string().check(z.regex(/^[\dA-F]{2}(:[\dA-F]{2}){31}$/));
/** Longer than anybody types; shorter than what could hurt. */
const password = z.string().check(z.minLength(1), z.maxLength(4096));

export const hostCalls = {
  AddKVMHost: asTask(
    creation("Host", "Adds a host: its agent takes part in the cloud from then on.", {
      ...named("Host"),
      clusterUuid: hostRecord.shape.clusterUuid,
      managementIp: say(agentAddress, "Where its agent listens."),
      username: preset(say(z.literal("root"), "The user whose password is given."), "root"),
      password: say(password, "Password of that user on the host; used once and never kept."),
      fingerprint: z.optional(
        say(fingerprint, "SHA-256 of the certificate that its console shows; refused if another."),
      ),
      tags: preset(hostRecord.shape.tags, []),
    }),
  ),
  GetHostFingerprint: {
    summary: "Asks what certificate a machine shows that is to be added, before a password goes to it.",
    method: "GET",
    path: "/v1/host-fingerprint",
    access: "session",
    mode: "read",
    input: z.strictObject({ managementIp: say(agentAddress, "Where its agent listens.") }),
    output: z.strictObject({
      fingerprint: say(fingerprint, "SHA-256 of it; the console of that machine shows the same."),
    }),
    resource: "Host",
  },
  QueryHost: query("Host"),
  GetHost: get("Host"),
  UpdateHost: update("Host", "Changes a host's name, description, tags or reserved memory.", {
    ...renamed("Host"),
    tags: z.optional(
      say(hostRecord.shape.tags, "All tags that it is given by people; those that it tells of itself stay besides."),
    ),
    reservedMemory: z.optional(say(z.nullable(line(32)), "Size such as 2G kept for the host; null: as its cluster.")),
  }),
  /** Into maintenance it takes a while: the task ends when the host is free of machines. */
  ChangeHostState: {
    ...stateChange("Host", "Enables or disables a host, or puts it into maintenance.", hostStateEvents),
    output: z.strictObject({ inventory: hostRecord, task: z.optional(task) }),
  },
  ReconnectHost: asTask(action("Host", "reconnect", "Connects to a host anew.", {})),
  RenewHostCertificate: asTask(action("Host", "renew-certificate", "Gives a host a new key and certificate.", {})),
  DeleteHost: cascade(
    "Host",
    "Takes a host out of the cloud, in maintenance or disconnected only; volumes on its own disks are lost with it, and " +
      "with Enforcing the machines of a lost one count as stopped: switch it off before.",
  ),
} as const;
