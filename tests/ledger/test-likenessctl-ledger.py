#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""likenessctl ledger, key, provision and result: on files, on a collector's journal, and against a service on a bus of
their own. Arguments: BUILD-DIRECTORY SOURCE-DIRECTORY."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = sys.argv[1]
LIKENESSCTL = f"{BUILD}/client/likenessctl/likenessctl"
REMOTE = "/lib/systemd/systemd-journal-remote"


def likenessctl(*arguments, **environment):
    return subprocess.run([LIKENESSCTL, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **environment})


def claims_of(line):
    part = line.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def make_ledger(directory, checks, *options):
    subprocess.run([f"{BUILD}/tests/ledger/make-ledger", directory, str(checks), *options], check=True)
    lines = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".jws"):
            with open(f"{directory}/{name}") as file:
                lines += file.read().splitlines()
    with open(f"{directory}/keys.json") as file:
        return lines, json.load(file)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="likeness-ledger-")
        cls.lines, cls.jwks = make_ledger(f"{cls.directory}/till-1", 20)
        cls.keys = f"{cls.directory}/till-1/keys.json"

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def write(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w") as file:
            file.write(text)
        return path

    def export(self, lines):
        return self.write("export.jws", "".join(line + "\n" for line in lines))

    def verify(self, lines, *more, status):
        """The answer's object, and the kinds of its findings."""
        answer = likenessctl("ledger", "verify", self.export(lines), f"--keys={self.keys}", "--json", *more)
        self.assertEqual(answer.returncode, status, answer.stderr)
        result = json.loads(answer.stdout)
        self.assertEqual(result["whole"], status == 0)
        return result, [finding["kind"] for finding in result["findings"]]


class Files(Case):
    def test_verify(self):
        result, kinds = self.verify(self.lines, status=0)
        self.assertEqual((result["terminal"], result["entries"], result["first"], result["last"], kinds),
                         ("till-1", len(self.lines), 1, len(self.lines), []))
        directory = likenessctl("ledger", "verify", f"{self.directory}/till-1", f"--keys={self.keys}")
        self.assertEqual(directory.returncode, 0)
        self.assertTrue(directory.stdout.endswith("whole\n"))
        self.assertIn("no checkpoint was given", directory.stdout)

        result, kinds = self.verify(self.lines[:9] + self.lines[11:], status=1)
        self.assertIn("hole", kinds)
        self.assertEqual((result["findings"][0]["line"], result["findings"][0]["sequence"], result["missing"]), (10, 10, 2))
        words = likenessctl("ledger", "verify", f"{self.directory}/export.jws", f"--keys={self.keys}")
        self.assertIn("line 10, entry 10, hole: entries 10 to 11 are missing", words.stdout)
        self.assertIn("NOT WHOLE", words.stdout)
        self.verify([], status=1)

    def test_checkpoint(self):
        path = self.export(self.lines)
        answer = likenessctl("ledger", "checkpoint", f"--file={path}")
        self.assertEqual(answer.returncode, 0)
        checkpoint = json.loads(answer.stdout)
        digest = base64.urlsafe_b64encode(hashlib.sha256(self.lines[-1].encode()).digest()).rstrip(b"=").decode()
        self.assertEqual((checkpoint["terminal"], checkpoint["sequence"], checkpoint["hash"], checkpoint["kid"]),
                         ("till-1", len(self.lines), digest, self.jwks["keys"][0]["kid"]))
        kept = self.write("checkpoint.json", answer.stdout)
        self.assertEqual(self.verify(self.lines, f"--checkpoint={kept}", status=0)[0]["checkpoints"], 1)
        self.assertEqual(self.verify(self.lines[:-2], f"--checkpoint={kept}", status=1)[1], ["truncated"])
        self.assertEqual(likenessctl("ledger", "checkpoint", f"--file={self.write('none', '')}").returncode, 3)

    def test_revoked(self):
        item = {"kid": self.jwks["keys"][0]["kid"], "since": 1, "reason": "stolen"}
        revoked = self.write("revoked.json", json.dumps({"revoked": [item]}))
        result, kinds = self.verify(self.lines, f"--revoked={revoked}", status=1)
        self.assertEqual(kinds, ["revoked-key"] * len(self.lines))
        late = self.write("late.json", json.dumps({"revoked": [{**item, "since": int(time.time()) + 9999}]}))
        self.verify(self.lines, f"--revoked={late}", status=0)

    def test_keys(self):
        """Every form in which registered keys may be kept, and that a registered terminal's key is for that one only."""
        key = self.jwks["keys"][0]
        mine, others = ({"terminal": name, "kid": key["kid"], "jwk": {**key, "x-likeness-terminal": name}}
                        for name in ("till-1", "till-9"))
        path = self.export(self.lines)
        for keys, status in (({"keys": [key]}, 0), (mine, 0), ([mine], 0), ([{"keys": []}, mine], 0), (others, 1), ([others], 1),
                             ([], 3), ([[mine]], 3), ([mine, {}], 3), ({"jwk": []}, 3), ("x", 3), ({"keys": [{}]}, 3),
                             ({**mine, "jwk": {**mine["jwk"], "kid": "x" * 43}}, 3)):
            file = self.write("these.json", json.dumps(keys))
            answer = likenessctl("ledger", "verify", path, f"--keys={file}")
            self.assertEqual(answer.returncode, status, (keys, answer))

    def test_cannot_be_read(self):
        path = self.export(self.lines)
        no_json = self.write("no.json", "{")
        for arguments in ((path, "--keys=/nonexistent"), ("/nonexistent", f"--keys={self.keys}"),
                          (path, f"--keys={no_json}"), (path, f"--keys={self.write('empty.json', '{}')}"),
                          (path, f"--keys={self.keys}", f"--checkpoint={self.write('c.json', '{}')}"),
                          (path, f"--keys={self.keys}", f"--revoked={self.write('r.json', '[]')}"),
                          (tempfile.gettempdir() + "/", f"--keys={no_json}"), (f"--journal=/nonexistent", f"--keys={self.keys}")):
            answer = likenessctl("ledger", "verify", *arguments)
            self.assertEqual(answer.returncode, 3, arguments)
            self.assertTrue(answer.stderr.startswith("likenessctl: "), answer.stderr)
            self.assertEqual(answer.stdout, "")
        for arguments in (("ledger",), ("ledger", "tidy"), ("ledger", "verify", path), ("key",), ("key", "melt"), ("result",),
                          ("provision", "now")):
            self.assertEqual(likenessctl(*arguments).returncode, 2, arguments)
        for command in (("ledger",), ("ledger", "show"), ("key",), ("provision",), ("result",)):
            self.assertEqual(likenessctl(*command, "--help").returncode, 0, command)

    def test_show(self):
        path = self.export(self.lines)
        shown = likenessctl("ledger", "show", path, "--json").stdout.splitlines()
        self.assertEqual([json.loads(line) for line in shown], [claims_of(line) for line in self.lines])
        wanted = claims_of(self.lines[8])
        for option in (f"--support-code={wanted['support-code']}", f"--nonce={wanted['nonce']}"):
            found = [json.loads(line) for line in likenessctl("ledger", "show", path, "--json", option).stdout.splitlines()]
            self.assertEqual([claims["entry"] for claims in found], ["opened", "closed"])
        self.assertEqual(likenessctl("ledger", "show", path, "--since=@99999999999").stdout, "")
        self.assertEqual(len(likenessctl("ledger", "show", path).stdout.splitlines()), len(self.lines))
        answer = likenessctl("ledger", "show", self.write("bad", "nonsense\n"))
        self.assertEqual(answer.returncode, 1)
        self.assertIn("line 1 is no entry", answer.stderr)

    def test_report(self):
        answer = likenessctl("ledger", "report", self.export(self.lines), "--json")
        counts = json.loads(answer.stdout)["terminals"]["till-1"]
        self.assertEqual((counts["attempts"], sum(counts["verdicts"].values()), counts["aborted"]), (20, 18, {"cancelled": 2}))
        self.assertEqual(set(json.loads(answer.stdout)["operators"]), {"clerk-1", "clerk-2", "clerk-3"})
        self.assertIn("20 attempts", likenessctl("ledger", "report", self.export(self.lines)).stdout)


@unittest.skipUnless(os.path.exists(REMOTE), "systemd-journal-remote is not installed")
class Journal(Case):
    def setUp(self):
        self.other, jwks = make_ledger(f"{self.directory}/till-2", 10, "--terminal=till-2")
        self.all_keys = self.write("fleet.json", json.dumps({"keys": [
            {**self.jwks["keys"][0], "x-likeness-terminal": "till-1"}, {**jwks["keys"][0], "x-likeness-terminal": "till-2"}]}))

    def tearDown(self):
        shutil.rmtree(f"{self.directory}/till-2")
        shutil.rmtree(f"{self.directory}/journal", ignore_errors=True)

    def collect(self, *receipts):
        """A collector's journal with these, and with entries that are none of ours."""
        os.makedirs(f"{self.directory}/journal")
        text, now = "", int(time.time() * 1e6)
        for i, receipt in enumerate(("", *receipts, "")):
            text += (f"__REALTIME_TIMESTAMP={now + i}\n__MONOTONIC_TIMESTAMP={i + 1}\n_BOOT_ID={'0' * 31}1\nMESSAGE=x\n" +
                     (f"LIKENESS_RECEIPT={receipt}\n" if receipt else "") + "\n")
        subprocess.run([REMOTE, "-o", f"{self.directory}/journal/remote.journal", "-"], input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def verify_journal(self, status):
        answer = likenessctl("ledger", "verify", f"--journal={self.directory}/journal", f"--keys={self.all_keys}", "--json")
        self.assertEqual(answer.returncode, status, answer.stderr + answer.stdout)
        result = json.loads(answer.stdout)
        return {t["terminal"]: t for t in result["terminals"]}, result["foreign"]

    def test_whole(self):
        mixed = [line for pair in zip(self.lines, self.other) for line in pair] + self.lines[len(self.other):]
        self.collect(*mixed, self.lines[-1])
        terminals, foreign = self.verify_journal(0)
        self.assertEqual((terminals["till-1"]["last"], terminals["till-2"]["last"]), (len(self.lines), len(self.other)))
        self.assertEqual([f["kind"] for f in terminals["till-1"]["findings"]], ["duplicate"])
        self.assertEqual(foreign["lines"], 0)
        self.assertIn("2 terminals: whole", likenessctl("ledger", "verify", f"--journal={self.directory}/journal",
                                                        f"--keys={self.all_keys}").stdout)

    def test_tampered(self):
        forged = self.lines[5][:60] + ("A" if self.lines[5][60] != "A" else "B") + self.lines[5][61:]
        stranger, _ = make_ledger(f"{self.directory}/till-3", 1, "--terminal=till-3")
        shutil.rmtree(f"{self.directory}/till-3")
        self.collect(*self.lines[:5], forged, *self.lines[6:], *self.other[:4], *self.other[6:], stranger[0], "nonsense")
        terminals, foreign = self.verify_journal(1)
        kinds = {name: [f["kind"] for f in t["findings"]] for name, t in terminals.items()}
        self.assertEqual(set(kinds), {"till-1", "till-2"})
        self.assertIn("hole", kinds["till-1"])
        self.assertEqual([(f["sequence"], f["words"]) for f in terminals["till-2"]["findings"] if f["kind"] == "hole"],
                         [(5, "entries 5 to 6 are missing")])
        every = kinds["till-1"] + [f["kind"] for f in foreign["findings"]]
        self.assertTrue({"bad-signature", "malformed"} & set(every))
        self.assertIn("unknown-key", every)

    def test_other_terminals_key(self):
        """A registered terminal cannot write into another one's record."""
        impostor, jwks = make_ledger(f"{self.directory}/impostor", 1, "--terminal=till-1")
        shutil.rmtree(f"{self.directory}/impostor")
        with open(self.all_keys) as file:
            keys = json.load(file)
        keys["keys"].append({**jwks["keys"][0], "x-likeness-terminal": "till-9"})
        self.write("fleet.json", json.dumps(keys))
        self.collect(*self.lines, *impostor)
        terminals, foreign = self.verify_journal(1)
        self.assertTrue(terminals["till-1"]["whole"])
        self.assertIn("other-terminal", [f["kind"] for f in foreign["findings"]])


class Service(Case):
    """A service that answers as the real one does, on a bus of its own."""

    def setUp(self):
        self.daemon = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1",
                                        f"--address=unix:dir={self.directory}"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.daemon.stdout.readline().strip()
        self.service = None

    def tearDown(self):
        for process in (self.service, self.daemon):
            if process:
                process.kill()
                process.wait()
                process.stdout.close()

    def start(self, keys, export=""):
        self.service = subprocess.Popen([sys.executable, os.path.realpath(__file__), "--serve", self.address,
                                         json.dumps(keys), export], stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.service.stdout.readline(), "ready\n")

    def ask(self, *arguments):
        return likenessctl(*arguments, DBUS_SYSTEM_BUS_ADDRESS=self.address)

    def test_key_and_provision(self):
        self.start({"keys": [{**self.jwks["keys"][0], "x-likeness-demo": True}]})
        answer = self.ask("key", "show", "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIs(json.loads(answer.stdout)["keys"][0]["x-likeness-demo"], True)
        self.assertIn("demonstrations only", self.ask("key", "show").stdout)
        self.assertEqual(self.ask("key", "rotate").stdout, "NEW-KEY\n")
        registration = json.loads(self.ask("provision", "--json").stdout)
        self.assertEqual((registration["terminal"], registration["kid"], registration["software"], registration["demo"]),
                         ("till-1", self.jwks["keys"][0]["kid"], "9.9", True))
        self.assertIn("Do not register it", self.ask("provision").stdout)

    def test_export_and_checkpoint(self):
        path = f"{self.directory}/exported.jws"
        self.start(self.jwks, "".join(line + "\n" for line in self.lines))
        answer = self.ask("ledger", "export", f"--output={path}")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(likenessctl("ledger", "verify", path, f"--keys={self.keys}").returncode, 0)
        self.assertEqual(self.ask("ledger", "export", f"--output={path}").returncode, 3)
        self.assertEqual(json.loads(self.ask("ledger", "checkpoint").stdout)["terminal"], "till-1")
        os.unlink(path)

    def test_result(self):
        self.start(self.jwks)
        answer = self.ask("result", "KNOWN", "--json")
        self.assertEqual((answer.returncode, json.loads(answer.stdout)["verdict"]), (0, "match"))
        answer = self.ask("result", "OTHER")
        self.assertEqual(answer.returncode, 3)
        self.assertIn("no such nonce", answer.stderr)

    def test_no_service(self):
        path = f"{self.directory}/not-made.jws"
        for command in (("key", "show"), ("key", "rotate"), ("provision",), ("result", "N"), ("ledger", "checkpoint"),
                        ("ledger", "export", f"--output={path}")):
            answer = self.ask(*command)
            self.assertEqual(answer.returncode, 3, command)
            self.assertIn("not running", answer.stderr)
        self.assertFalse(os.path.exists(path))


def serve(address, keys, export):
    from gi.repository import Gio, GLib

    interface = Gio.DBusNodeInfo.new_for_xml("""<node><interface name="org.likeness.Verifier1">
      <method name="ExportLedger"><arg type="t" direction="in"/><arg type="h" direction="in"/></method>
      <method name="Checkpoint"><arg type="s" direction="out"/></method>
      <method name="RotateKey"><arg type="s" direction="out"/></method>
      <method name="GetResult"><arg type="s" direction="in"/><arg type="s" direction="out"/><arg type="a{sv}" direction="out"/></method>
      <property name="PublicKey" type="s" access="read"/><property name="Version" type="s" access="read"/>
      <property name="Models" type="a{ss}" access="read"/></interface></node>""").interfaces[0]

    def call(connection, sender, path, name, method, arguments, invocation):
        if method == "ExportLedger":
            fd = invocation.get_message().get_unix_fd_list().get(arguments.unpack()[1])
            os.write(fd, export.encode())
            os.close(fd)
            invocation.return_value(None)
        elif method == "Checkpoint":
            checkpoint = {"terminal": "till-1", "sequence": 1, "hash": "A" * 43, "time": 1, "kid": "K"}
            invocation.return_value(GLib.Variant("(s)", (json.dumps(checkpoint),)))
        elif method == "RotateKey":
            invocation.return_value(GLib.Variant("(s)", ("NEW-KEY",)))
        elif arguments.unpack()[0] == "KNOWN":
            invocation.return_value(GLib.Variant("(sa{sv})", ("match", {"binding": GLib.Variant("b", False)})))
        else:
            invocation.return_dbus_error("org.likeness.Verifier1.Error.BadRequest", "there is no such nonce")

    def get(connection, sender, path, name, key):
        return {"PublicKey": GLib.Variant("s", keys), "Version": GLib.Variant("s", "9.9"),
                "Models": GLib.Variant("a{ss}", {"detector": "00"})}[key]

    flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
    connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
    connection.register_object("/org/likeness/Verifier1", interface, call, get, None)
    loop = GLib.MainLoop()
    Gio.bus_own_name_on_connection(connection, "org.likeness.Verifier1", Gio.BusNameOwnerFlags.NONE,
                                   lambda *_: print("ready", flush=True), lambda *_: loop.quit())
    loop.run()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(*sys.argv[2:5])
    else:
        unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
