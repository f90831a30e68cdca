import * as z from "zod/mini";
import { hostName, sshPublicKeys, userData } from "../../model/cloud/guest-data.ts";
import { isoImage } from "./iso-image.ts";

/*
 * What a host gives to the cloud-init of a guest: a small disk with the label `cidata`, as its data source NoCloud wants
 * it. Source: cloud-init's documentation, "NoCloud".
 */

export const machineSeed = z.strictObject({
  /** cloud-init does its work for new instances once for each. */
  instanceId: z.string().check(z.regex(/^[\w-]{1,128}$/)),
  hostName,
  sshPublicKeys,
  /** Base64; left out: none. */
  userData: z.exactOptional(userData),
});
export type MachineSeed = z.infer<typeof machineSeed>;

/** The disk's content, the same for the same seed: an ISO 9660 image of some dozen kibibytes. */
export function seedImage(seed: MachineSeed): Buffer {
  return isoImage("cidata", [
    // JSON is YAML: whatever stands in a key, it stays one.
    { name: "meta-data", content: Buffer.from(`${JSON.stringify(metaData(seed), null, 2)}\n`) },
    // Without the file the disk would be no seed. An empty one is no user data.
    { name: "user-data", content: Buffer.from(seed.userData ?? "", "base64") },
  ]);
}

function metaData({ instanceId, hostName: name, sshPublicKeys: keys }: MachineSeed): object {
  return { "instance-id": instanceId, "local-hostname": name, ...(keys.length === 0 ? {} : { "public-keys": keys }) };
}
