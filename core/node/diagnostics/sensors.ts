import { type Machine, readOrNothing } from "../machine.ts";
import { plainLine } from "../plain-text.ts";
import { type CheckContext, defineCheck, type Outcome } from "./check.ts";
import { list } from "./format.ts";

const timeoutMs = 7000;

type Code = "POWER.OK" | "POWER.SUPPLY_LOST" | "POWER.REDUNDANCY_LOST";

/** Power supplies, as the management controller (BMC) sees them. Machines without one are not listed. */
export const powerSupplyCheck = defineCheck({
  id: "power-supply",
  area: "hardware",
  name: "POWER",
  codes: ["POWER.OK", "POWER.SUPPLY_LOST", "POWER.REDUNDANCY_LOST"],
  async run(context) {
    const sensors = await readSensors(context, "Power Supply");
    const found = sensors.flatMap((sensor): Outcome<Code>[] => {
      const values = { sensor: sensor.name, state: sensor.reading };
      if (/redundancy lost|non-redundant|redundancy degraded/i.test(sensor.reading))
        return [{ outcome: "warning", code: "POWER.REDUNDANCY_LOST", subject: sensor.name, values }];
      if (/failure|lost|out-of-range|config(uration)? error/i.test(sensor.reading))
        return [{ outcome: "failed", code: "POWER.SUPPLY_LOST", subject: sensor.name, values }];
      return [];
    });
    const present = sensors.filter(({ reading }) => /presence detected/i.test(reading));
    if (found.length > 0 || present.length === 0) return found;
    return [{ outcome: "passed", code: "POWER.OK", values: { count: String(present.length) } }];
  },
});

/** Fans: by the management controller, else by the sensors that the kernel knows. */
export const fansCheck = defineCheck({
  id: "fans",
  area: "hardware",
  name: "FAN",
  codes: ["FAN.OK", "FAN.LOST"],
  async run(context) {
    const sensors = [...(await readSensors(context, "Fan")), ...(await readHwmon(context.machine))];
    const turning = sensors.filter(({ reading }) => /^[1-9]\d* RPM$/.test(reading));
    const lost = sensors.filter(
      ({ status, reading }) => status === "cr" || status === "nr" || /failure|device absent.*required/i.test(reading),
    );
    if (lost.length > 0) {
      const fans = list(lost.map(({ name, reading }) => `${name} ${reading}`));
      return [{ outcome: "failed", code: "FAN.LOST", values: { fans } }];
    }
    if (turning.length === 0) return [];
    return [{ outcome: "passed", code: "FAN.OK", values: { count: String(turning.length) } }];
  },
});

type Sensor = {
  name: string /** `ok`, `ns` (no reading), `nc`, `cr`, `nr` (non-critical … non-recoverable). */;
  status: string;
  reading: string;
};

async function readSensors(context: CheckContext, type: string): Promise<Sensor[]> {
  const controllers = await context.machine.readDir("/sys/class/ipmi").catch(() => []);
  if (controllers.length === 0) return [];
  const limits = { timeoutMs, signal: context.signal, reason: "Diagnostics" };
  const { stdout } = await context.machine.run("ipmitool", ["sdr", "type", type], limits);
  return parseSensors(stdout);
}

/** `ipmitool sdr type …`: `PS1 Status | C8h | ok  | 10.1 | Presence detected`. Source: ipmitool(1). */
export function parseSensors(text: string): Sensor[] {
  return text.split("\n").flatMap((line) => {
    const [name, id, status, , reading] = line.split("|").map((part) => part.trim());
    if (name === undefined || id === undefined || status === undefined || reading === undefined) return [];
    if (!/^[0-9A-F]{2}h$/i.test(id)) return [];
    return [{ name: plainLine(name, 20), status, reading: plainLine(reading, 60) }];
  });
}

/** Source: the kernel's hwmon/sysfs-interface. */
async function readHwmon(machine: Machine): Promise<Sensor[]> {
  const sensors: Sensor[] = [];
  for (const chip of await machine.readDir("/sys/class/hwmon").catch(() => [])) {
    const folder = `/sys/class/hwmon/${chip}`;
    for (const file of await machine.readDir(folder).catch(() => [])) {
      const fan = /^(fan\d+)_input$/.exec(file)?.[1];
      if (fan === undefined) continue;
      const [speed, alarm, fault, chipName] = await Promise.all(
        [file, `${fan}_alarm`, `${fan}_fault`, "name"].map((name) => readOrNothing(machine, `${folder}/${name}`)),
      );
      const status = alarm === "1" || fault === "1" ? "cr" : "ok";
      sensors.push({ name: plainLine(`${chipName ?? chip} ${fan}`, 20), status, reading: `${speed ?? "?"} RPM` });
    }
  }
  return sensors;
}
