/* What other rooms use of identity. */

export { Counters } from "./failure-counters.ts";
export { admin, type FirstPassword, Identity, initialPassword } from "./identity.ts";
export { Passwords, type PasswordsOptions } from "./passwords.ts";
export type { IdentitySetting } from "./sessions.ts";
