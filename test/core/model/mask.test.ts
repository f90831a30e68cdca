import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KnownSecrets, masked, maskText, maskValue } from "../../../core/model/mask.ts";
import { Random } from "../../support/random.ts";

const secret = "S3cr3t-of-the-h0use";
const base64 = Buffer.from("a private key, long enough to fill a line of base64").toString("base64");

const hidden: readonly (readonly [what: string, text: string])[] = [
  ["a setting", `password=${secret}`],
  ["a setting with a name around it", `db.main_Password = ${secret}`],
  ["a passphrase with blanks", `passphrase: my ${secret} dear`],
  ["JSON", `{"user":"x","password":"${secret}","b":1}`],
  ["JSON in a text of JSON", `{"message":"{\\"apiToken\\":\\"${secret}\\",\\"b\\":1}"}`],
  ["a quoted text with the mark in it", `token = "a\\"${secret}" b=1`],
  ["marks that a shell joins", `password='a'"${secret}" next`],
  ["a Chinese name", `数据库密码：${secret}`],
  ["an option", `prog --admin-password ${secret} --verbose`],
  ["an option in marks", `prog --token "a ${secret}" --verbose`],
  ["the environment of a service", `Environment=A=1 DB_PASSWORD=${secret} B=2`],
  ["a query", `GET /x?a=1&access_token=${secret}&b=2 HTTP/1.1`],
  ["a header", `Authorization: Basic ${secret}`],
  ["a bearer's token", `curl -H "X: Bearer ${secret}"`],
  ["an address with a password", `mirror http://user:${secret}@mirror.example/debian`],
  ["a password with an @ in it", `mirror http://user:p@${secret}@mirror.example/debian`],
  ["an address with a token", `clone https://${secret}@git.example/x.git`],
  [
    "the kernel's command line",
    `BOOT_IMAGE=/vmlinuz rd.luks.key=${secret} netroot=iscsi:me:${secret}@10.0.0.1::::iqn quiet`,
  ],
  ["a session of iSCSI", `node.session.auth.password = ${secret}`],
  ["a line of /etc/shadow", `root:$y$j9T$${secret}:20000:0:::::`],
  ["a password that a pipe carries", `sh -c "echo root:${secret} | chpasswd"`],
  ["mysql's option", `mysql -u root -p${secret} db`],
  ["curl's user", `curl -u admin:${secret} https://host`],
  ["a key of chrony", `10 SHA256 HEX:${secret}`],
  ["a community of SNMP", `rocommunity ${secret} default`],
  ["a key of WireGuard", `PrivateKey = ${secret}=`],
  ["a signature in an address", `https://store/x?sig=${secret}&e=1`],
  [
    "a private key",
    `a\n-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n${secret.replaceAll("-", "")}\n-----END OPENSSH PRIVATE KEY-----\nb`,
  ],
  ["a private key on one line", `key: -----BEGIN PRIVATE KEY-----\\n${secret}\\n-----END PRIVATE KEY-----`],
  ["a profile of Wi-Fi", `[wifi-security]\nkey-mgmt=wpa-psk\npsk=${secret}`],
  ["a profile that logs in", `[802-1x]\neap=peap;\nidentity=${secret}\npassword=x\nprivate-key=${secret}`],
];

const plain: readonly string[] = [
  "Failed password for root from 192.0.2.1 port 22 ssh2",
  "Accepted publickey for root from 192.0.2.1 port 5 ssh2: ED25519 SHA256:abcdef",
  "sudo: u : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls",
  "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh",
  "Started systemd-ask-password-wall.service - Forward Password Requests to Wall.",
  "systemd-ask-password-console.path: Deactivated successfully.",
  "usb 1-1: new full-speed USB device number 2 mapping=3",
  "inet 10.0.0.5/24 brd 10.0.0.255 scope global bond0",
  "[connection]\nid=bond0\nuuid=6a1f\n[ipv4]\nmethod=manual\naddress1=10.0.0.5/24,10.0.0.1",
  "http://10.0.0.5:8080/path?x=1",
];

describe("masking takes away", () => {
  for (const [what, text] of hidden)
    test(what, () => {
      const result = maskText(text);
      assert.ok(!result.includes(secret) && !result.includes(secret.replaceAll("-", "")), result);
      assert.ok(!result.includes(base64), result);
      assert.ok(result.includes(masked), result);
      assert.equal(result.split("\n").length, text.split("\n").length);
    });

  test("all that follows a name in a file of settings", () => {
    assert.equal(maskText("psk=a b=c 'd", { settings: true }), `psk=${masked}`);
  });

  test("a private key of which each line came by itself, and nothing behind its end", () => {
    const text = ["-----BEGIN PRIVATE KEY-----", base64, "the program goes on without the end", base64];
    assert.deepEqual(maskText(text.join("\n")).split("\n"), [masked, masked, text[2], text[3]]);
  });

  test("what a profile keeps secret, wherever else it is", () => {
    const known = new KnownSecrets();
    known.learnProfile(
      `[wifi-security]\npsk=${secret}\n[802-1x]\npassword=${secret}2\nprivate-key=/etc/key.pem\npin=1234`,
    );
    assert.equal(known.size, 2);
    assert.equal(
      maskText(`said ${secret} aloud in /etc/key.pem, 1234`, { known }),
      `said ${masked} aloud in /etc/key.pem, 1234`,
    );
  });

  test("members of JSON by their names, texts inside, and no flag", () => {
    const value = { passwordSet: true, wpaPsk: 12345678, list: [{ note: `token=${secret}` }], name: "eno1" };
    assert.deepEqual(maskValue(value), {
      passwordSet: true,
      wpaPsk: masked,
      list: [{ note: `token=${masked}` }],
      name: "eno1",
    });
  });
});

describe("masking leaves alone", () => {
  for (const text of plain) test(text.slice(0, 40).replaceAll("\n", " "), () => assert.equal(maskText(text), text));

  test("what stands behind a value and is another setting", () => {
    assert.equal(maskText("user=bob password=x y retries=3"), `user=bob password=${masked} retries=3`);
    assert.equal(maskText('{"password":"x","user":"bob"}'), `{"password":"${masked}","user":"bob"}`);
  });
});

describe("an unquoted secret", () => {
  for (const [text, expected] of [
    ["password: &_=+-(x", `password: ${masked}`],
    ["password: ab&x=cd", `password: ${masked}`],
    ["GET /login?user=bob&password=ab&x=1 HTTP/1.1", `GET /login?user=bob&password=${masked}&x=1 HTTP/1.1`],
  ] as const)
    test(`is masked whole: ${text}`, () => assert.equal(maskText(text), expected));
});

describe("whatever the secret is", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const random = new Random(seed);
  const letters = [..."abcXYZ019-_.:/@#%&*()[]{}<>|~^!?+,;=$\\\"'` 密é"];
  const word = () =>
    Array.from({ length: 6 + random.below(18) }, () => random.pick(letters))
      .join("")
      .trim();

  test("a setting's value, to the line's end, leaves no piece of it", () => {
    for (let i = 0; i < 3000; i++) {
      // A piece that could be anywhere proves nothing.
      const value = `${word()}Q7z${word()}`;
      for (const text of [`psk=${value}`, `password: ${value}`, `a=1 api_key=${value}`]) {
        const result = maskText(text, { settings: true });
        assert.ok(!result.includes("Q7z"), `${seed}: ${text} -> ${result}`);
      }
    }
  });

  test("a JSON text of any depth leaves none", () => {
    for (let i = 0; i < 3000; i++) {
      let text = JSON.stringify({ user: word(), password: `${word()}Q7z${word()}`, more: 1 });
      for (let depth = random.below(3); depth > 0; depth--) text = JSON.stringify({ message: text });
      const result = maskText(text);
      assert.ok(!result.includes("Q7z"), `${seed}: ${text} -> ${result}`);
    }
  });

  test("masked once is masked: a second time changes nothing", () => {
    for (let i = 0; i < 3000; i++) {
      const text = `${word()} ${random.pick(["token=", "password: ", "--secret ", "://u:", "x="])}${word()} ${word()}\n${word()}`;
      const once = maskText(text);
      assert.equal(maskText(once), once, `${seed}: ${text}`);
      assert.equal(once.split("\n").length, text.split("\n").length);
    }
  });
});
