import type * as z from "zod/mini";
import { affinityGroupCalls } from "./affinity-group.ts";
import type { CloudCall } from "./call.ts";
import { consoleCalls } from "./console.ts";
import { deviceCalls } from "./devices.ts";
import { guestDataCalls } from "./guest-data.ts";
import { imageCalls } from "./images.ts";
import { l2Calls, l3Calls } from "./network.ts";
import { identityCalls, managementCalls, settingCalls, taskCalls } from "./operations.ts";
import { clusterCalls, hostCalls, zoneCalls } from "./place.ts";
import { securityGroupCalls } from "./security-group.ts";
import { offeringCalls, storageCalls } from "./storage.ts";
import { vmCalls } from "./vm.ts";
import { volumeCalls } from "./volume.ts";

/** Every call of the cloud's API, by its name. */
export const cloudCalls = {
  ...zoneCalls,
  ...clusterCalls,
  ...hostCalls,
  ...storageCalls,
  ...imageCalls,
  ...offeringCalls,
  ...l2Calls,
  ...l3Calls,
  ...securityGroupCalls,
  ...affinityGroupCalls,
  ...vmCalls,
  ...deviceCalls,
  ...guestDataCalls,
  ...consoleCalls,
  ...volumeCalls,
  ...settingCalls,
  ...taskCalls,
  ...identityCalls,
  ...managementCalls,
} as const satisfies Record<string, CloudCall>;

export type CloudCalls = typeof cloudCalls;
export type CloudCallName = keyof CloudCalls;
export type CallInput<N extends CloudCallName> = z.output<CloudCalls[N]["input"]>;
export type CallOutput<N extends CloudCallName> = z.output<CloudCalls[N]["output"]>;

export const cloudCallNames = Object.keys(cloudCalls) as CloudCallName[];

/** Fields whose values are shown nowhere. */
export const secretFields: ReadonlySet<string> = new Set([
  "password",
  "oldPassword",
  "newPassword",
  "consolePassword",
  "token",
  // Passwords of guests may stand in it.
  "userData",
]);
