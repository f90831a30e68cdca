import type { CloudServerOptions } from "../../../core/manager/server.ts";
import type { TestCloud } from "../cloud/manager.ts";

/** What a server of a manager has, so that it takes and gives the content of images. */
export function imageContentOf({
  cloud: { dispatching, settings },
  imageStore: images,
}: Pick<TestCloud, "cloud" | "imageStore">): NonNullable<CloudServerOptions["images"]> {
  const identify = (token: Parameters<typeof dispatching.authenticate>[0]) =>
    dispatching.authenticate(token, "GetImage");
  return { images, settings, audit: dispatching.audit, identify };
}
