import type { ManagerPasswords } from "../../core/model/manager-passwords.ts";
import { authorityScreen } from "./authority-form.ts";
import { jobLogScreen } from "./job-log.ts";
import type { Control, Screen } from "./screen.ts";

/** Change Passwords, agent channel: new keys and certificates between the manager and all hosts; then the job's log. */
export function channelScreen(control: Control, { hosts }: ManagerPasswords): Screen {
  const t = () => control.view().t;
  const count = hosts ?? 0;
  return authorityScreen({
    control,
    heading: "passwords.agentChannel",
    about: () => t()("passwords.channel.about", { count }),
    authority: "passwords.authority.root",
    fields: [],
    secrets: [],
    submit: "passwords.renew",
    question: () => t()("passwords.sure.agentChannel", { count }),
    async act(root, screen) {
      const job = await control.client.call("startChannelJob", { body: { root } });
      control.notify("");
      control.replace(screen, jobLogScreen(control, job.id));
    },
  });
}
