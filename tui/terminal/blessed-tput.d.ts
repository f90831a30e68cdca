/** The part of blessed's terminfo reader that is used here; @types/blessed doesn't cover it. */
declare module "blessed/lib/tput.js" {
  export type Terminfo = {
    bools: Record<string, boolean | undefined>;
    numbers: Record<string, number | undefined>;
    strings: Record<string, string | undefined>;
  };
  export default class Tput {
    /** Without `terminal` nothing is read or compiled. */
    constructor(options?: { terminal?: string; extended?: boolean });
    /** Throws when there is no entry, or one in a format that it doesn't know (32-bit numbers). */
    readTerminfo(term: string): Terminfo;
  }
}
