/** A file of the installed system. `path` is absolute there. */
export type EtcFile = { path: string; mode: number; text: string };
export type EtcLink = { path: string; target: string };
