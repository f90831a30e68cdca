import * as z from "zod/mini";
import { backupInfo, mostKeptBackups } from "../../backup.ts";
import { line, moment, say, uuid } from "../fields.ts";
import { session, user } from "../operations.ts";
import { globalConfig } from "../setting-values.ts";
import { cloudSummary } from "../summary.ts";
import { action, type CloudCall, done, get, noFields, preset, query } from "./call.ts";

/** Longer than anybody types; shorter than what could hurt. */
const password = z.string().check(z.minLength(1), z.maxLength(4096));
const settingWords = {
  category: say(line(64), "The setting's category."),
  name: say(line(128), "Which setting; QueryGlobalConfig lists them."),
};

export const settingCalls = {
  QueryGlobalConfig: query("GlobalConfig"),
  UpdateGlobalConfig: {
    summary: "Sets a setting of the cloud; it holds at once.",
    method: "PUT",
    path: "/v1/global-configurations/:category/:name",
    access: "session",
    mode: "change",
    input: z.strictObject({ ...settingWords, value: say(line(255), "The value, as a text.") }),
    output: z.strictObject({ inventory: globalConfig }),
    resource: "GlobalConfig",
  },
  ResetGlobalConfig: {
    summary: "Gives a setting its default again.",
    method: "DELETE",
    path: "/v1/global-configurations/:category/:name",
    access: "session",
    mode: "change",
    input: z.strictObject(settingWords),
    output: z.strictObject({ inventory: globalConfig }),
    resource: "GlobalConfig",
  },
} as const satisfies Record<string, CloudCall>;

export const taskCalls = {
  QueryTask: query("Task"),
  GetTask: get("Task"),
  CancelTask: action("Task", "cancel", "Takes a task back, where that is safe.", {}),
  QueryAuditRecord: query("AuditRecord"),
} as const;

const opened = z.strictObject({
  session: z.strictObject({
    uuid,
    /** Given with each further call: Authorization: Bearer TOKEN. Shown once. */
    token: z.string(),
    userUuid: uuid,
    expiresAt: moment,
    mustChangePassword: z.boolean(),
  }),
});

export const identityCalls = {
  LogInByAccount: {
    summary: "Opens a session.",
    method: "PUT",
    path: "/v1/accounts/login",
    access: "public",
    mode: "change",
    input: z.strictObject({
      accountName: say(z.string().check(z.minLength(1), z.maxLength(255)), "Who logs in."),
      password: say(password, "The account's password."),
    }),
    output: opened,
    resource: "Session",
  },
  LogOut: {
    summary: "Ends this session.",
    method: "DELETE",
    path: "/v1/accounts/session",
    access: "session",
    mode: "change",
    input: noFields,
    output: done,
    resource: "Session",
  },
  ValidateSession: {
    summary: "Tells whose session this is.",
    method: "GET",
    path: "/v1/accounts/session",
    access: "session",
    mode: "read",
    input: noFields,
    output: z.strictObject({ session, user }),
    resource: "Session",
  },
  UpdateAccountPassword: {
    summary: "Changes the password of this session's account; its other sessions end.",
    method: "PUT",
    path: "/v1/accounts/password",
    access: "session",
    mode: "change",
    input: z.strictObject({
      oldPassword: say(password, "The present password."),
      newPassword: say(password, "The new password."),
    }),
    output: done,
    resource: "User",
  },
  ResetAccountPassword: {
    summary: "Sets admin's password without the old one, and ends its sessions; root's door of a management node only.",
    method: "PUT",
    path: "/v1/accounts/password/reset",
    access: "session",
    mode: "change",
    input: z.strictObject({
      newPassword: z.optional(
        say(password, "The new password; left out: that of the installation, to be changed at the next log-in."),
      ),
      mustChange: preset(say(z.boolean(), "Whether it has to be changed at the next log-in."), false),
    }),
    output: z.strictObject({
      /** The product's own initial password holds now, for the installation has left none. */
      isInitial: z.boolean(),
    }),
    resource: "User",
  },
  QuerySession: query("Session"),
  QueryUser: query("User"),
} as const satisfies Record<string, CloudCall>;

export const managementCalls = {
  GetVersion: {
    summary: "Tells which version of the product answers.",
    method: "GET",
    path: "/v1/management/version",
    access: "public",
    mode: "read",
    input: noFields,
    output: z.strictObject({ product: z.string(), version: z.string(), api: z.literal("v1") }),
    resource: "Task",
  },
  IsReady: {
    summary: "Tells whether the manager serves calls; asked by load balancers and by the service's own start.",
    method: "GET",
    path: "/v1/management/ready",
    access: "public",
    mode: "read",
    input: noFields,
    output: z.strictObject({ ready: z.boolean() }),
    resource: "Task",
  },
  BackupDatabase: {
    summary:
      "Backs up the store, with what another machine needs to become this manager; answers when that is on disk.",
    method: "POST",
    path: "/v1/management/backups",
    access: "session",
    mode: "change",
    input: z.strictObject({
      keepAmount: preset(
        say(
          z.nullable(z.int().check(z.minimum(1), z.maximum(mostKeptBackups))),
          "Keep so many, this one included, and delete older ones; null keeps all.",
        ),
        null,
      ),
    }),
    output: z.strictObject({
      backup: backupInfo,
      /** Files of former backups that were deleted. */
      removed: z.array(z.string()),
    }),
    resource: "Task",
  },
  GetManagementSummary: {
    summary: "Counts what the cloud has: hosts by state and status, machines by state.",
    method: "GET",
    path: "/v1/management/summary",
    access: "session",
    mode: "read",
    input: noFields,
    output: cloudSummary,
    resource: "Task",
  },
} as const satisfies Record<string, CloudCall>;
