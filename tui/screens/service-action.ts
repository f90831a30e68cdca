import {
  type ServiceAccepts,
  type ServiceAction,
  type ServiceImpact,
  servicePhrase,
  stakesOf,
} from "../../core/model/service.ts";
import type { MessageKey, Translate } from "../i18n/catalogue.ts";
import { wrap } from "../terminal/width.ts";
import { PhrasePrompt } from "../widgets/phrase.ts";
import { confirmScreen } from "./confirm.ts";
import { jobLogScreen } from "./job-log.ts";
import type { Control, Screen } from "./screen.ts";
import { refusalText, serviceImpactLines } from "./service-words.ts";

/** As the header has room for: what is dangerous of a title must not be cut off. */
const titles: Record<ServiceAction, MessageKey> = {
  start: "service.heading",
  stop: "service.heading",
  restart: "service.heading",
  reset: "service.title.reset",
  resetDrop: "service.heading.resetDrop",
};

/** What an action of the ZStack service would hit, and the phrase to type; then its job. */
export function serviceActionScreen(control: Control, action: ServiceAction): Screen {
  let impact: ServiceImpact | undefined;
  let acting = false;
  const isRefused = () => impact !== undefined && impact.refusal !== null;
  const prompt = new PhrasePrompt({
    question: () => control.view().t(`service.question.${action}`),
    impact: () => (impact === undefined ? undefined : serviceImpactLines(control.view().t, impact, control.view().now)),
    phrase: servicePhrase[action],
    onConfirm: () => {
      const message = doubtsOf(control.view().t, impact);
      if (message === "") void act();
      else control.open(confirmScreen(control, screen, { message, style: "bad" }, () => void act()));
    },
  });

  async function act(): Promise<void> {
    acting = true;
    const job = await control.attempt(() =>
      control.client.call("startServiceJob", {
        body: { action, phrase: servicePhrase[action], accepts: acceptsOf(impact) },
      }),
    );
    acting = false;
    if (job === undefined) {
      prompt.reset();
      look();
    } else control.replace(screen, jobLogScreen(control, job.id));
  }

  function look(): void {
    void control.attempt(async () => {
      impact = await control.client.call("serviceImpact", { query: { action } });
      control.redraw();
    });
  }

  const screen: Screen = {
    title: titles[action],
    help: action === "reset" || action === "resetDrop" ? "help.serviceReset" : "help.service",
    typing: () => !isRefused(),
    enter() {
      // Back from a question that was answered with no.
      if (!acting) prompt.reset();
      look();
    },
    draw(canvas, { t, state }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const refusal = impact?.refusal ?? null;
      if (refusal === null) {
        prompt.draw(body, t);
        if (state.status?.mode === "preview") canvas.text(2, canvas.height - 1, t("service.preview"), "preview");
        return;
      }
      body.text(0, 0, t(`service.question.${action}`), "strong");
      wrap(refusalText(t, refusal), body.width).forEach((line, i) => {
        body.text(0, 2 + i, line, "bad");
      });
    },
    key: (key) => (isRefused() ? false : prompt.key(key)),
  };
  return screen;
}

/** What the person was told, and has to agree to beside the phrase. */
function acceptsOf(impact: ServiceImpact | undefined): ServiceAccepts {
  const [cloud, store] = [impact?.cloud ?? null, impact?.store ?? null];
  return {
    unreadStore: store?.state === "unreadable",
    noCopy: store !== null && store.state !== "none" && store.keeping.how === "noRoom",
    silentManager: cloud?.state === "silent",
    told: stakesOf(cloud, store),
  };
}

/** What is asked once more; empty when nothing is. */
function doubtsOf(t: Translate, impact: ServiceImpact | undefined): string {
  const { unreadStore, noCopy, silentManager } = acceptsOf(impact);
  const store = unreadStore && noCopy ? "unreadNoCopy" : unreadStore ? "unread" : noCopy ? "noCopy" : undefined;
  const isDrop = impact?.action === "resetDrop";
  return [
    ...(silentManager && impact?.action !== "start"
      ? [t(isDrop ? "service.sure.silentDrop" : "service.sure.silent")]
      : []),
    ...(store === undefined ? [] : [t(`service.sure.${store}`)]),
  ].join("\n");
}
