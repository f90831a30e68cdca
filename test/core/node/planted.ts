/** Passwords that the tests use for real and then search for everywhere. None may be found. */
export const firstPassword = "plAnted-first-91b";

export const plantedPasswords: readonly string[] = [
  `plAnted ${"xY9-".repeat(200)}`.slice(0, 511),
  "  plAnted with spaces  ",
  `plAnted "quoted" it's`,
  "plAnted:colons:root:x",
  "plAnted $HOME `id` $(id) \\n \\\\ %s",
  "plAnted пароль 密码 ñ 😀",
  `plAnted ${"aB3 ".repeat(50)}`.slice(0, 200),
];
