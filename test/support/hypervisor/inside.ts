import { type Machine, realMachine } from "../../../core/node/machine.ts";

/** Programs that have to run where the host's network is; virsh and qemu-img find their way from outside. */
const inside = new Set(["ip", "nft", "sysctl", "dnsmasq", "kill", "test", "systemctl", "systemd-run"]);

/** The machine that a host in namespaces is, with this process as its agent. @param pid of its first process */
export function machineInside(pid: () => number): Machine {
  const real = realMachine();
  return {
    ...real,
    run: (command, args, options) =>
      inside.has(command)
        ? real.run("nsenter", ["-t", String(pid()), "-m", "-n", "-p", "-u", "--", command, ...args], options)
        : real.run(command, args, options),
  };
}
