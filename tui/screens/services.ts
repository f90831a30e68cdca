import type { Service } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import { formatAge, formatDateTime, unknown } from "../widgets/format.ts";
import type { Column } from "../widgets/table.ts";
import type { Detail } from "./item-details.ts";
import { itemsScreen } from "./items.ts";
import type { Control, Screen, View } from "./screen.ts";

/** What needs a look comes first. */
const order: Record<Service["active"], number> = {
  failed: 0,
  activating: 1,
  deactivating: 1,
  reloading: 1,
  inactive: 2,
  active: 3,
};

const stateStyle: Record<Service["active"], Style> = {
  failed: "bad",
  activating: "warn",
  deactivating: "warn",
  reloading: "warn",
  inactive: "dim",
  active: "good",
};

/** The services that the node lives from, and whatever failed: failed ones first. */
export function servicesScreen(control: Control): Screen {
  const services = () => valueOf(control.view().state.facts.services) ?? [];
  return itemsScreen<Service>(control, {
    title: "services.title",
    help: "help.services",
    reading: (state) => state.facts.services,
    items: () =>
      [...services()].sort((a, b) => order[a.active] - order[b.active] || a.unit.localeCompare(b.unit, "en")),
    id: (service) => service.unit,
    columns: () => columnsOf(control.view()),
    empty: "services.none",
    heading: (service) => [service.unit, service.description],
    details: (service) => detailsOf(control.view(), service),
    leastDetails: 4,
    above: drawSummary,
  });
}

function drawSummary(canvas: Canvas, { t, state }: View): number {
  const services = valueOf(state.facts.services);
  if (services === undefined) return 0;
  const count = (active: Service["active"]) => services.filter((service) => service.active === active).length;
  const failed = count("failed");
  const text = t("services.summary", { total: services.length, failed, inactive: count("inactive") });
  canvas.text(0, 0, text, failed > 0 ? "bad" : "strong");
  return 1;
}

function columnsOf({ t }: View): readonly Column<Service>[] {
  return [
    { title: t("services.column.unit"), min: 22, width: 30, value: ({ unit }) => unit.replace(/\.service$/, "") },
    {
      title: t("services.column.state"),
      min: 9,
      value: ({ active }) => t(`services.${active}`),
      style: ({ active }) => stateStyle[active],
    },
    {
      title: t("services.column.since"),
      min: 19,
      value: ({ since }) => (since === null ? "" : formatDateTime(since)),
      priority: 2,
    },
    {
      title: t("services.column.restarts"),
      min: 3,
      align: "right",
      value: ({ restarts }) => String(restarts),
      style: ({ restarts }) => (restarts > 0 ? "warn" : "text"),
      priority: 2,
    },
    {
      title: t("services.column.pid"),
      min: 7,
      align: "right",
      value: ({ pid }) => (pid === null ? "" : String(pid)),
      priority: 3,
    },
    {
      title: t("services.column.description"),
      min: 24,
      grow: true,
      value: ({ description }) => description,
      priority: 4,
    },
  ];
}

function detailsOf({ t, now }: View, service: Service): Detail[] {
  const { active, sub, since, restarts, pid } = service;
  const state = t(`services.${active}`);
  return [
    {
      label: t("services.state"),
      value: sub === active ? state : t("services.stateAnd", { state, sub }),
      style: stateStyle[active],
    },
    { label: t("services.restarts"), value: String(restarts), style: restarts > 0 ? "warn" : "text" },
    {
      label: t("services.since"),
      value:
        since === null
          ? `${unknown}  ${t("services.noSince")}`
          : t("services.sinceAnd", { time: formatDateTime(since), age: formatAge(now - since) }),
    },
    pid === null
      ? { label: t("services.pid"), value: `${unknown}  ${t("services.noPid")}`, style: "dim" }
      : { label: t("services.pid"), value: String(pid) },
  ];
}
