/* What the message check lets pass, each with its reason. */

/** Texts that are the same in every language. */
export const sameInAllLanguages: ReadonlyMap<string, string> = new Map([
  ["Binnacle", "the product's name"],
  ["/           ext4", "a place in the file tree, and a file system"],
  ["/boot", "a place in the file tree"],
  ["/boot       ext4", "a place in the file tree, and a file system"],
  ["/boot/efi", "a place in the file tree"],
  ["/boot/efi   FAT", "a place in the file tree, and a file system"],
  ["/var/lib/binnacle", "a place in the file tree"],
  ["/var/lib/binnacle  ext4", "a place in the file tree, and a file system"],
  ["CPU", "the field's abbreviation"],
  ["DHCP", "the field's abbreviation"],
  ["DOWN", "as the manual and ip(8) print it"],
  ["ECC", "the field's abbreviation"],
  ["English (United States)", "a language names itself"],
  ["HA", "the field's abbreviation"],
  ["IPv4", "the field's abbreviation"],
  ["IPv6", "the field's abbreviation"],
  ["LVM", "the field's abbreviation"],
  ["MN", "the manual's mark for the management interface"],
  ["MTU", "the field's abbreviation"],
  ["PID", "the field's abbreviation"],
  ["PID {pid}", "the field's abbreviation"],
  ["STP", "the field's abbreviation"],
  ["UI", "the field's abbreviation"],
  ["UP", "as the manual and ip(8) print it"],
  ["UUID", "the field's abbreviation"],
  ["VLAN", "the field's abbreviation"],
  ["VLAN {id}", "the field's abbreviation"],
  ["ping", "the command's name"],
  ["{mhz} MT/s", "a unit"],
]);

const key = "((Ctrl|Alt|Shift)[+-])*(F\\d+|Enter|Esc|Tab|Home|End|Space|Del|Ins|Page (Up|Down)|Up|Down|Left|Right|\\S)";

/** Text in screens and widgets that is no sentence of a language. */
export const allowedTexts: readonly { text: RegExp; why: string }[] = [
  { text: new RegExp(`^${key}([ /,]+${key})*$`), why: "what is printed on keys" },
];
