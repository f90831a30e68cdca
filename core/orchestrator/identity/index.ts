/* What other rooms use of identity. */

export { admin, Identity, type IdentityOptions, initialPassword, type LogIn, type PasswordChange } from "./identity.ts";
export { Passwords, type PasswordsOptions } from "./passwords.ts";
export type { Caller, IdentitySetting } from "./sessions.ts";
