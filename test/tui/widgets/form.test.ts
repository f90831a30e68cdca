import assert from "node:assert/strict";
import { test } from "node:test";
import { english, loadCatalogue, translator } from "../../../tui/i18n/catalogue.ts";
import { ChoiceField, type Field, TextField, ToggleField } from "../../../tui/widgets/fields.ts";
import { Form } from "../../../tui/widgets/form.ts";
import { drawn, inStyle, lines, paste, press } from "./support.ts";

const t = english();

function addressForm() {
  const mode = new ChoiceField({
    label: () => "Mode",
    options: [
      { value: "dhcp", text: () => "DHCP" },
      { value: "static", text: () => "Static" },
    ],
    value: "static",
  });
  const address = new TextField({
    label: () => "Address",
    hint: () => "for instance 10.0.0.5",
    width: 16,
    validate: (value) => (/^\d+(\.\d+){3}$/.test(value) ? undefined : "Not an IPv4 address."),
    when: () => mode.value === "static",
  });
  const gateway = new TextField({
    label: () => "Gateway",
    width: 16,
    value: "10.0.1.1",
    validate: (value) => (value === "" ? "Give a gateway." : undefined),
    when: () => mode.value === "static",
  });
  const sent: string[] = [];
  const form = new Form({
    fields: [mode, address, gateway],
    submit: () => "Apply",
    validate: () =>
      gateway.value.startsWith("10.0.0.") ? undefined : "The gateway is not in the network of the address.",
    onSubmit: () => {
      sent.push(`${mode.value} ${address.value} ${gateway.value}`);
    },
  });
  const show = (width = 60, height = 8) => lines(width, height, (c) => form.draw(c, t));
  return { form, mode, address, gateway, sent, show };
}

test("fields stand below each other, with the button and the hint of the focused field", () => {
  const { form, show } = addressForm();
  press(form, "down");
  assert.deepEqual(show(), [
    "Mode     < Static >",
    "Address",
    "Gateway  10.0.1.1",
    "",
    "         [ Apply ]",
    "",
    "",
    "for instance 10.0.0.5",
  ]);
});

test("an error shows beside its field once the field was left, and goes as soon as the value is right", () => {
  const { form, show } = addressForm();
  press(form, "down", "10.0");
  assert.equal(show()[1], "Address  10.0");
  press(form, "tab");
  assert.equal(show()[1], "Address  10.0              Not an IPv4 address.");
  press(form, "backtab", ".0.5");
  assert.equal(show()[1], "Address  10.0.0.5");
});

test("an error that has no room beside its field is wrapped below it", () => {
  const { form, show } = addressForm();
  press(form, "down", "x", "down");
  assert.deepEqual(show(28, 9).slice(0, 4), [
    "Mode     < Static >",
    "Address  x",
    "         Not an IPv4",
    "         address.",
  ]);
});

test("a submit shows all errors at once and goes to the first; nothing is sent", () => {
  const { form, sent, show } = addressForm();
  press(form, "tab", "tab", "^u", "enter");
  const screen = show();
  assert.match(screen[1] ?? "", /Not an IPv4 address/);
  assert.match(screen[2] ?? "", /Give a gateway/);
  assert.equal(screen[7], "2 entries need correcting.");
  assert.deepEqual(sent, []);
  press(form, "10.0.0.5");
  assert.match(show()[1] ?? "", /10\.0\.0\.5$/);
  assert.equal(show()[7], "One entry needs correcting.");
});

test("a rule over several fields is asked when each field is right, and shown for the whole form", () => {
  const { form, sent, show } = addressForm();
  press(form, "enter", "10.0.0.5", "enter", "enter");
  assert.equal(show()[7], "The gateway is not in the network of the address.");
  assert.deepEqual(sent, []);
  press(form, "^u", "10.0.0.1");
  assert.equal(show()[7], "");
  press(form, "enter");
  assert.deepEqual(sent, ["static 10.0.0.5 10.0.0.1"]);
});

test("Tab, Shift-Tab, Up and Down go round in a ring with the button; Enter on the button submits", () => {
  const { form, sent } = addressForm();
  const focused = () =>
    inStyle(
      drawn(60, 8, (c) => form.draw(c, t)),
      "strong",
    );
  const seen: string[] = [];
  for (const key of ["tab", "down", "down", "tab", "backtab", "up"]) {
    press(form, key);
    seen.push(focused());
  }
  assert.deepEqual(seen, ["Address", "Gateway", "", "Mode", "", "Gateway"]);
  press(form, "up", "10.0.0.9", "down", "^u", "10.0.0.1", "down", "enter");
  assert.deepEqual(sent, ["static 10.0.0.9 10.0.0.1"]);
});

test("a field that has no meaning is neither shown, nor reached, nor checked", () => {
  const { form, mode, sent, show } = addressForm();
  press(form, "left");
  assert.equal(mode.value, "dhcp");
  assert.deepEqual(show().slice(0, 3), ["Mode  < DHCP >", "", "      [ Apply ]"]);
  press(form, "right", "left", "down");
  assert.equal(form.typing, false);
  press(form, "up", " ");
  assert.equal(mode.value, "static");
  press(form, "left");
  assert.equal(sent.length, 0);
});

test("typed letters, pastes and editing keys go to the field", () => {
  const { form, address } = addressForm();
  press(form, "tab");
  assert.equal(form.typing, true);
  assert.deepEqual(press(form, "jk", "left", "/"), [true, true, true, true]);
  assert.equal(address.value, "j/k");
  press(form, "^u", "^k");
  paste(form, "10.0.0.7\n");
  assert.equal(address.value, "10.0.0.7");
});

test("Esc and F-keys are left to the screen", () => {
  const { form } = addressForm();
  assert.deepEqual(press(form, "esc", "f1", "f2", "pageup"), [false, false, false, false]);
});

test("values survive a redraw at another size, and a reset", () => {
  const { form, address, show } = addressForm();
  press(form, "tab", "10.0.0.5");
  const before = show();
  show(20, 3);
  show(0, 0);
  assert.deepEqual(show(), before);
  form.reset();
  assert.equal(address.value, "10.0.0.5");
});

test("a refusal from outside stands at the foot, wrapped, until something is changed, and goes to its field", () => {
  const { form, address, show } = addressForm();
  form.refuse("The address 10.0.0.5 answers already: another machine uses it, as a probe found.", address);
  assert.deepEqual(show(60, 8).slice(6), [
    "The address 10.0.0.5 answers already: another machine uses",
    "it, as a probe found.",
  ]);
  press(form, "1");
  assert.equal(address.value, "1");
  assert.equal(show()[7], "for instance 10.0.0.5");
});

test("a refusal takes as many lines as it has, and the field that it is about stays in sight", () => {
  const { form, address, show } = addressForm();
  const refusal = "The address answers already: another machine uses it, as a probe found. Give another one.";
  form.refuse(refusal, address);
  const foot = (lines: string[]) => lines.slice(lines.findIndex((line) => line.startsWith("The address")));
  assert.equal(foot(show(30, 10)).join(" "), refusal);
  // Where it leaves no room for all fields, the marks of those out of sight stand below it.
  const small = show(30, 7);
  assert.equal(foot(small).slice(0, -1).join(" "), refusal);
  assert.match(small.at(-1) ?? "", /v \d more/);
  assert.ok(small.some((line) => line.startsWith("Address")));
});

test("while a submission is on its way no key changes or repeats it, but Esc leaves", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  const field = new TextField({ label: () => "Name", value: "a" });
  const form = new Form({
    fields: [field],
    submit: () => "Save",
    onSubmit: () => {
      count++;
      return promise;
    },
  });
  press(form, "enter");
  assert.deepEqual(press(form, "enter", "x", "enter", "esc"), [true, true, true, false]);
  assert.equal(lines(40, 6, (c) => form.draw(c, t))[5], "Working ...");
  assert.equal(count, 1);
  assert.equal(field.value, "a");
  resolve();
  await promise;
  assert.equal(form.busy, false);
  press(form, "enter");
  assert.equal(count, 2);
});

test("a submission that fails ends the waiting too", async () => {
  const form = new Form({ fields: [], submit: () => "Save", onSubmit: () => Promise.reject(new Error("no")) });
  press(form, "enter");
  assert.equal(form.busy, true);
  await new Promise(setImmediate);
  assert.equal(form.busy, false);
});

test("a form that is higher than its room scrolls with the focus and shows what is out of sight", () => {
  const fields: Field[] = Array.from({ length: 10 }, (_, i) => new TextField({ label: () => `Field ${i}` }));
  const form = new Form({ fields, submit: () => "Save", onSubmit: () => {} });
  const show = () => lines(40, 6, (c) => form.draw(c, t));
  assert.deepEqual(show(), ["Field 0", "Field 1", "Field 2", "Field 3", "", "v 8 more"]);
  press(form, ...Array<string>(5).fill("down"));
  assert.deepEqual(show(), ["Field 2", "Field 3", "Field 4", "Field 5", "", "^ 2 more  v 6 more"]);
  press(form, "up");
  assert.deepEqual(show()[0], "Field 2");
  press(form, ...Array<string>(6).fill("down"));
  assert.deepEqual(show(), ["Field 8", "Field 9", "", "         [ Save ]", "", "^ 8 more"]);
  press(form, "down");
  assert.equal(show()[0], "Field 0");
  const cells = drawn(40, 6, (c) => form.draw(c, t));
  assert.deepEqual(cells.cursor, { x: 9, y: 0 });
});

test("passwords show nothing in a form either", () => {
  const field = new TextField({ label: () => "Password", masked: true });
  const form = new Form({ fields: [field], submit: () => "Save", onSubmit: () => {} });
  const before = drawn(40, 6, (c) => form.draw(c, t));
  press(form, "geheim");
  assert.deepEqual(
    drawn(40, 6, (c) => form.draw(c, t)),
    before,
  );
  assert.equal(field.value, "geheim");
});

function passwordForm(onSubmit: () => void = () => {}) {
  const next = new TextField({
    label: () => "New",
    masked: true,
    validate: (value) => (value.length < 4 ? "Too short." : undefined),
  });
  const again = new TextField({
    label: () => "Again",
    masked: true,
    validate: (value) => (value === next.value ? undefined : "They differ."),
  });
  const form = new Form({ fields: [next, again], submit: () => "Save", onSubmit });
  return { form, next, again, show: () => lines(60, 6, (c) => form.draw(c, t)) };
}

test("a password that was refused is typed anew, not added to: by its own error, by a rule, or from outside", () => {
  const { form, next, again } = passwordForm();
  press(form, "abc", "up", "enter", "abcd");
  assert.equal(next.value, "abcd");
  press(form, "enter", "abxx", "enter", "abcd");
  assert.equal(again.value, "abcd");
  form.refuse("No.", next);
  press(form, "wxyz");
  assert.equal(next.value, "wxyz");
});

test("a password that was left is typed anew when the focus comes back, and kept when nothing is typed", () => {
  const { form, next, again } = passwordForm();
  press(form, "abcd", "tab", "ab", "backtab", "tab");
  assert.deepEqual([next.value, again.value], ["abcd", "ab"]);
  press(form, "abcd");
  assert.equal(again.value, "abcd");
});

test("after a refusal from outside no entry is blamed besides, not even one that was emptied", () => {
  const { form, next, show } = passwordForm();
  press(form, "abcd", "enter", "abcd", "enter");
  next.clear();
  form.refuse("The system refuses it.", next);
  const shown = show().join("\n");
  assert.match(shown, /The system refuses it\./);
  assert.doesNotMatch(shown, /Too short|differ/);
});

test("a toggle turns with Space and arrows, in the language of the console", async () => {
  const toggle = new ToggleField({ label: () => "DHCP", value: true });
  const form = new Form({ fields: [toggle], submit: () => "OK", onSubmit: () => {} });
  assert.equal(lines(40, 4, (c) => form.draw(c, t))[0], "DHCP  [x] yes");
  press(form, " ");
  assert.equal(toggle.value, false);
  const zh = translator("zh", await loadCatalogue("zh"));
  assert.equal(lines(40, 4, (c) => form.draw(c, zh))[0], "DHCP  [ ] 否");
  press(form, "left", "right");
  assert.equal(toggle.value, false);
});

test("labels with wide characters keep the fields in one column", () => {
  const fields = [
    new TextField({ label: () => "管理地址", value: "1" }),
    new TextField({ label: () => "MTU", value: "2" }),
  ];
  const form = new Form({ fields, submit: () => "OK", onSubmit: () => {} });
  assert.deepEqual(lines(40, 6, (c) => form.draw(c, t)).slice(0, 2), ["管理地址  1", "MTU       2"]);
});
