import { type CloudFeed, noCloud } from "../cloud/feed.ts";
import type { MachineSampler } from "../machines/sampler.ts";
import { clockSource } from "./clock.ts";
import { cloudSource, hostsSource } from "./cloud.ts";
import { cpuSource } from "./cpu.ts";
import { disksSource } from "./disks.ts";
import { filesystemsSource } from "./filesystems.ts";
import { identitySource } from "./identity.ts";
import { managementSource } from "./management.ts";
import { memorySource } from "./memory.ts";
import { neighboursSource } from "./neighbours.ts";
import { networkSource } from "./network.ts";
import { servicesSource } from "./services.ts";
import type { Sources } from "./source.ts";
import { timeSource } from "./time.ts";
import { virtualMachinesSource } from "./virtual-machines.ts";

/** A new set of all sources. They remember things of the machine, so each board has its own set. */
export function allSources(cloud: CloudFeed = noCloud, machines?: Pick<MachineSampler, "read">): Sources {
  return {
    identity: identitySource(),
    time: timeSource(),
    cpu: cpuSource(),
    memory: memorySource(),
    network: networkSource(),
    filesystems: filesystemsSource(),
    management: managementSource(cloud),
    clock: clockSource(),
    services: servicesSource(),
    virtualMachines: virtualMachinesSource(machines),
    neighbours: neighboursSource(),
    disks: disksSource(),
    hosts: hostsSource(cloud),
    cloud: cloudSource(cloud),
  };
}
