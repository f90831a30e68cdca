import { Connection, type Opened } from "./connection.ts";

/** An element of the page. */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}.`);
  return found;
}

/** What every page of a console has: its name, what is the matter, and a way back. */
export function runFrame(show: (opened: Opened) => void, hide: () => void): void {
  const [state, again] = [element("state", HTMLElement), element("again", HTMLButtonElement)];
  const name = element("name", HTMLElement);
  const full = element("full", HTMLButtonElement);
  const say = (text: string, isOver: boolean) => {
    state.textContent = text;
    document.body.classList.toggle("over", isOver);
  };
  const connection = new Connection({
    onOpen: (opened) => {
      name.textContent = opened.ready.name;
      document.title = opened.ready.name;
      again.hidden = true;
      say("", false);
      show(opened);
    },
    onEnd: (message, mayComeBack) => {
      hide();
      again.hidden = !connection.canOpen;
      say(mayComeBack ? `${message} Connecting again…` : message, true);
    },
  });
  again.addEventListener("click", () => {
    say("Connecting…", false);
    connection.open();
  });
  full.addEventListener("click", () => void toggleFullScreen());
  say("Connecting…", false);
  connection.open();
}

async function toggleFullScreen(): Promise<void> {
  if (document.fullscreenElement === null) await element("screen", HTMLElement).requestFullscreen();
  else await document.exitFullscreen();
}
