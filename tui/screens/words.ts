import type { Link, VirtualMachine } from "../../core/model/facts.ts";
import type { Missing } from "../../core/model/reading.ts";
import type { Translate } from "../i18n/catalogue.ts";

/** Why a figure is not there, as a person says it: "timedatectl is not installed". */
export function reasonOf(t: Translate, why: Missing): string {
  return why.detail === "" ? t(`missing.${why.code}`) : t(`missing.${why.code}.detail`, { detail: why.detail });
}

/** UP only when a cable carries something: an interface that is switched on without a carrier is of no use to anybody. */
export function linkState(t: Translate, link: Link): string {
  return link.adminUp && link.carrier === true ? t("nic.up") : t("nic.down");
}

export function virtualMachineState(t: Translate, state: VirtualMachine["state"]): string {
  return t(`vm.state.${state}`);
}
