import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { nodeFlags } from "../../scripts/dev/build.ts";
import { root, temporaryFolder } from "../support/programs.ts";

const overlay = path.join(root, "iso/overlay");
const unitFolder = path.join(overlay, "usr/lib/systemd/system");

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.dispose());

describe("the generator of consoles", () => {
  /** Runs it on a machine with these devices and files; gives the links that it made, with their targets. */
  const generate = (devices: readonly string[], files: Record<string, string>): Record<string, string> => {
    const machine = path.join(folder.path, "machine");
    for (const [name, text] of [...Object.entries(files), ...devices.map((name) => [`dev/${name}`, ""] as const)]) {
      fs.mkdirSync(path.join(machine, path.dirname(name)), { recursive: true });
      fs.writeFileSync(path.join(machine, name), text);
    }
    const made = path.join(folder.path, "generator");
    fs.mkdirSync(made);
    const program = path.join(overlay, "usr/lib/systemd/system-generators/binnacle-consoles");
    const run = spawnSync("sh", [program, made, `${made}.early`, `${made}.late`], {
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", BINNACLE_ROOT: machine },
    });
    assert.deepEqual([run.status, run.stderr], [0, ""]);
    const names = fs.readdirSync(made, { recursive: true, encoding: "utf8" }).sort();
    const links = names.filter((name) => fs.lstatSync(path.join(made, name)).isSymbolicLink());
    return Object.fromEntries(links.map((name) => [name, fs.readlinkSync(path.join(made, name))]));
  };
  const network = {
    "sysinit.target.wants/binnacle-network.service": "/usr/lib/systemd/system/binnacle-network.service",
  };
  const agent = {
    ...network,
    "multi-user.target.wants/binnacle-agent.service": "/usr/lib/systemd/system/binnacle-agent.service",
  };
  const onScreen = {
    "autovt@tty1.service": "/dev/null",
    "getty.target.wants/binnacle-console@tty1.service": "/usr/lib/systemd/system/binnacle-console@.service",
    "getty@tty1.service": "/dev/null",
  };
  const onLine = (line: string) => ({
    [`getty.target.wants/binnacle-serial@${line}.service`]: "/usr/lib/systemd/system/binnacle-serial@.service",
    [`serial-getty@${line}.service`]: "/dev/null",
  });

  it("puts one on the screen and on each serial line that is a console, in place of the login", () => {
    const consoles = [
      "ttyS0                -W- (EC p a)    4:64",
      "ttyAMA1              -W- (E  p  )  204:65",
      "hvc0                 -W- (E  p  )  229:0",
      "tty0                 -WU (E  p  )    4:1",
    ];
    const made = generate(["tty0", "tty1", "ttyS0", "ttyS1", "ttyAMA1", "hvc0"], {
      "proc/consoles": `${consoles.join("\n")}\n`,
    });
    assert.deepEqual(made, { ...agent, ...onScreen, ...onLine("ttyS0"), ...onLine("ttyAMA1"), ...onLine("hvc0") });
  });

  it("leaves out what is no terminal, and a host's consoles in a container", () => {
    const consoles = "netcon0 -W- (E p)\nttynull0 -W- (E)\npstore-1 -W- (E)\nttyS0 -W- (EC p a) 4:64\n";
    assert.deepEqual(generate([], { "proc/consoles": consoles }), agent);
  });

  it("puts one on the screen of a machine without a list of consoles", () => {
    assert.deepEqual(generate(["tty0"], {}), { ...agent, ...onScreen });
  });

  describe("on a node", () => {
    const installing = {
      "sysinit.target.wants/binnacle-accounts.service": "/usr/lib/systemd/system/binnacle-accounts.service",
      "sysinit.target.wants/binnacle-identity.service": "/usr/lib/systemd/system/binnacle-identity.service",
      "multi-user.target.wants/binnacle-role.service": "/usr/lib/systemd/system/binnacle-role.service",
    };
    const record = { role: "compute", version: "1.2.3", state: "ready", attempts: 1, steps: [{ state: "pass" }] };
    const node = (role: string, changes: object = {}) => ({
      "proc/cmdline": "boot=binnacle binnacle.root=UUID=1 quiet\n",
      "etc/binnacle/node.json": JSON.stringify({ hostname: "n1", role }, null, 2),
      "etc/binnacle/host-uuid": "0b0c\n",
      "etc/ssh/ssh_host_ed25519_key": "key\n",
      "usr/lib/os-release": 'NAME="Binnacle"\nVERSION_ID="1.2.3"\nID=binnacle\n',
      "usr/lib/systemd/system/libvirtd.service": "",
      "etc/binnacle/role.json": JSON.stringify({ ...record, role, ...changes }, null, 2),
    });
    const libvirt = { "multi-user.target.wants/libvirtd.service": "/usr/lib/systemd/system/libvirtd.service" };

    it("starts identity and role until the role is there, and not again", () => {
      assert.deepEqual(generate([], node("compute")), { ...agent, ...libvirt });
    });

    for (const [what, changes] of [
      ["a version that has not installed it", { version: "1.2.2" }],
      ["a role that is not ready", { state: "installing" }],
      ["a check that failed", { state: "failed" }],
      ["another role", { role: "storage" }],
    ] as const)
      it(`starts identity and role after ${what}`, () => {
        assert.deepEqual(generate([], node("compute", changes)), { ...agent, ...libvirt, ...installing });
      });

    for (const lost of ["etc/ssh/ssh_host_ed25519_key", "etc/binnacle/host-uuid", "etc/binnacle/role.json"])
      it(`starts identity and role when ${path.basename(lost)} is empty`, () => {
        const files = { ...node("storage"), [lost]: "" };
        assert.deepEqual(generate([], files), { ...agent, ...libvirt, ...installing });
      });

    it("starts neither identity nor role on a system that was not booted from an image", () => {
      const files = { ...node("compute", { state: "failed" }), "proc/cmdline": "root=/dev/sda1 quiet\n" };
      assert.deepEqual(generate([], files), { ...agent, ...libvirt });
    });

    it("starts nothing on an expert node, once its identity is there, but what finishes a half saved network", () => {
      const consoles = { "proc/consoles": "ttyS0 -W- (EC) 4:64\n" };
      assert.deepEqual(generate(["tty0", "ttyS0"], { ...node("expert"), ...consoles }), network);
    });

    it("puts the cloud's command line on the third terminal of a management node that has a screen", () => {
      assert.deepEqual(generate(["tty0"], node("management")), {
        ...agent,
        ...onScreen,
        ...libvirt,
        "autovt@tty3.service": "/dev/null",
        "getty.target.wants/binnacle-cli@tty3.service": "/usr/lib/systemd/system/binnacle-cli@.service",
        "getty@tty3.service": "/dev/null",
      });
    });

    it("makes an expert node's identity, however its file is written", () => {
      const files = {
        ...node("expert"),
        "etc/binnacle/node.json": '{\n  "role" : "expert"\n}',
        "etc/binnacle/host-uuid": "",
      };
      assert.deepEqual(generate([], files), { ...network, ...installing });
    });
  });

  describe("on the medium", () => {
    const masked = [
      "binnacle-agent",
      "binnacle-identity",
      "binnacle-role",
      "lldpd",
      "multipathd",
      "nftables",
      "smartmontools",
      "ssh",
    ];
    const nothingOfANode = Object.fromEntries(masked.map((unit) => [`${unit}.service`, "/dev/null"]));
    const wanted = (unit: string) => ({
      [`multi-user.target.wants/${unit}.service`]: `/usr/lib/systemd/system/${unit}.service`,
    });
    const medium = (words: string) => ({
      "proc/cmdline": `boot=binnacle ${words} quiet\n`,
      "proc/consoles": "ttyS0 -W- (EC p a) 4:64\n",
    });

    it("starts the installer in the console's place, and nothing of a node", () => {
      const made = generate(["tty0", "ttyS0"], medium("binnacle.mode=install"));
      const expected = { ...nothingOfANode, ...wanted("binnacle-installer"), ...onScreen, ...onLine("ttyS0") };
      assert.deepEqual(made, expected);
      const dropIn = path.join(folder.path, "generator/binnacle-serial@.service.d/50-medium.conf");
      assert.match(fs.readFileSync(dropIn, "utf8"), /^ExecStart=\/usr\/bin\/binnacle --installer --console %I$/m);
    });

    it("starts a VNC server besides when the menu's entry says so", () => {
      const made = generate([], medium("binnacle.mode=install binnacle.vnc"));
      assert.ok("multi-user.target.wants/binnacle-installer-vnc.service" in made);
    });

    it("gives a root shell on every terminal for a rescue, even if a disk holds a node's file", () => {
      const files = { ...medium("binnacle.mode=rescue"), "etc/binnacle/node.json": '{ "role": "expert" }' };
      assert.deepEqual(generate(["tty0", "ttyS0"], files), {
        ...nothingOfANode,
        "getty.target.wants/getty@tty1.service": "/usr/lib/systemd/system/getty@.service",
        "getty.target.wants/serial-getty@ttyS0.service": "/usr/lib/systemd/system/serial-getty@.service",
      });
      for (const unit of ["getty@", "serial-getty@"]) {
        const dropIn = path.join(folder.path, `generator/${unit}.service.d/50-medium.conf`);
        assert.match(fs.readFileSync(dropIn, "utf8"), /--autologin root/);
      }
    });

    it("gives no shell to anybody on a node, whatever else its command line says", () => {
      generate(["tty0", "ttyS0"], medium("binnacle.root=UUID=1 xbinnacle.mode=rescue binnacle.mode=rescued"));
      assert.deepEqual(fs.existsSync(path.join(folder.path, "generator/getty@.service.d")), false);
    });
  });

  it("treats a damaged node file as no reason to leave the screen dark", () => {
    const made = generate(["tty0"], { "etc/binnacle/node.json": '{"role": "exp' });
    assert.deepEqual(made, { ...agent, ...onScreen });
  });
});

describe("the command binnacle", () => {
  /** The command with another library folder, whose launcher only says how it was called. */
  const run = (args: readonly string[], options: { terminal?: boolean; env?: Record<string, string> } = {}) => {
    const library = path.join(folder.path, "lib");
    fs.mkdirSync(library, { recursive: true });
    fs.writeFileSync(path.join(library, "console"), 'printf "%s\\n" "$@"; env | sort\n');
    const text = fs.readFileSync(path.join(overlay, "usr/bin/binnacle"), "utf8");
    const program = path.join(folder.path, "binnacle");
    fs.writeFileSync(program, text.replace("lib=/usr/lib/binnacle", `lib=${library}`));
    const env = { PATH: "/usr/bin:/bin", ...options.env };
    const words = ["sh", program, ...args];
    // script(1) gives a terminal to a command; it takes one string for a shell.
    if (options.terminal === true)
      return spawnSync("script", ["-qec", words.map((word) => `'${word}'`).join(" "), "/dev/null"], {
        encoding: "utf8",
        env,
      });
    return spawnSync("sh", words.slice(1), { encoding: "utf8", env });
  };
  const lines = (text: string) => text.split(/\r?\n/);

  it("starts launcher, console and menu with the console's name, in an environment of its own", () => {
    const answer = run(["--console", "tty1", "--no-quit"], {
      terminal: true,
      env: {
        TERM: "linux",
        LANG: "C.UTF-8",
        LC_ALL: "a b; 'c",
        NODE_OPTIONS: "--require /tmp/evil.js",
        LD_PRELOAD: "",
      },
    });
    const library = path.join(folder.path, "lib");
    const said = lines(answer.stdout);
    const call = said.slice(0, said.indexOf("--no-quit", said.indexOf("--")) + 1);
    assert.deepEqual(call, [
      ...[`${library}/node`, ...nodeFlags.tui, `${library}/tui.js`, "--console", "tty1", "--no-quit"],
      ...["--", `${library}/node`, `${library}/menu.js`, "--console", "tty1", "--no-quit"],
    ]);
    const environment = said.slice(call.length).filter((line) => !/^(PWD|_|OLDPWD|SHLVL)?(=|$)/.test(line));
    assert.deepEqual(environment, ["LANG=C.UTF-8", "LC_ALL=a b; 'c", "PATH=/usr/bin:/bin", "TERM=linux"]);
  });

  it("names a console after its terminal, and gives a pseudo terminal no speed", () => {
    const said = lines(run([], { terminal: true }).stdout);
    assert.match(said[said.indexOf("--console") + 1] ?? "", /^pts\/\d+$/);
    assert.ok(!said.includes("--baud"));
    assert.ok(!said.includes("--no-quit"));
  });

  for (const [what, args, text] of [
    ["a command, as sshd gives it to a login shell", ["-c", "id; rm -rf /"], /carries out no commands/],
    ["an argument that it doesn't know", ["--socket", "/tmp/x"], /'--socket' is not understood/],
    ["a name that is missing", ["--console"], /needs a name/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const answer = run(args, { terminal: true });
      assert.equal(answer.status, 2);
      assert.match(answer.stdout, text);
    });
  }

  it("asks for a terminal where there is none", () => {
    const answer = run([]);
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, /needs a terminal.*ssh -t/);
  });
});

describe("the files of the overlay", () => {
  const files = fs
    .readdirSync(overlay, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const isScript = (file: string) => fs.readFileSync(file, "utf8").startsWith("#!");

  it("are programs where they begin with #!, and only there", () => {
    for (const file of files) assert.equal((fs.statSync(file).mode & 0o111) !== 0, isScript(file), file);
  });

  it("are shell that dash reads", () => {
    const scripts = [...files.filter(isScript), path.join(root, "scripts/console")];
    assert.ok(scripts.length >= 4);
    for (const file of scripts) {
      const { status, stderr } = spawnSync("dash", ["-n", file], { encoding: "utf8" });
      assert.deepEqual([status, stderr], [0, ""], file);
    }
  });

  it("give both kinds of console the same user, limits and restrictions", () => {
    const service = (name: string) => {
      const text = fs.readFileSync(path.join(unitFolder, name), "utf8");
      const settings = text.slice(text.indexOf("[Service]")).split("\n");
      return settings.filter((line) => /^\w+=/.test(line) && !/^(TTYVTDisallocate|Environment=TERM)/.test(line));
    };
    assert.deepEqual(service("binnacle-console@.service"), service("binnacle-serial@.service"));
  });

  const analyze = spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" });
  it("are units that systemd accepts", { skip: analyze.status !== 0 ? "systemd-analyze is not here" : false }, () => {
    // The units name programs where an installed node has them.
    const tree = path.join(folder.path, "tree");
    fs.cpSync(overlay, tree, { recursive: true });
    fs.mkdirSync(path.join(tree, "usr/lib/binnacle"), { recursive: true });
    fs.copyFileSync("/bin/true", path.join(tree, "usr/lib/binnacle/node"));
    const names = fs.readdirSync(unitFolder).filter((name) => !name.endsWith(".d"));
    const units = names.map((name) => path.join(tree, "usr/lib/systemd/system", name));
    for (const unit of units) {
      const text = fs.readFileSync(unit, "utf8");
      fs.writeFileSync(unit, text.replaceAll(/(?<==)\/usr\/(lib|bin)\/binnacle/g, `${tree}/usr/$1/binnacle`));
    }
    const instances = units.map((unit) =>
      unit.replace("console@", "console@tty1").replace(/(serial|login)@/, "$1@ttyS0"),
    );
    for (const [index, unit] of units.entries()) {
      const name = instances[index] ?? unit;
      if (name !== unit) fs.copyFileSync(unit, name);
    }
    const { stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", ...instances], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", SYSTEMD_UNIT_PATH: `${path.dirname(units[0] ?? "")}:` },
    });
    const about = stderr.split("\n").filter((line) => line.includes("binnacle"));
    assert.deepEqual(about, []);
  });
});

describe("Node's flags", () => {
  it("are those of the preview on a node too, for what was measured there is to hold here", () => {
    const unit = fs.readFileSync(path.join(unitFolder, "binnacle-agent.service"), "utf8");
    assert.ok(unit.includes(["/usr/lib/binnacle/node", ...nodeFlags.agent, "/usr/lib/binnacle/agent.js"].join(" ")));
    const console = fs.readFileSync(path.join(overlay, "usr/bin/binnacle"), "utf8");
    assert.ok(console.includes(['"$lib/node"', ...nodeFlags.tui, '"$lib/$program.js"'].join(" ")));
  });
});
