#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The fleet: two terminals' ledgers, their couriers, real journalds of their own, real systemd-journal-upload and
systemd-journal-remote on loopback, and what `likenessctl ledger verify --journal` says of what arrived.

Arguments: BUILD-DIRECTORY SOURCE-DIRECTORY. Needs root; everything happens in namespaces of its own (mounts and
processes), so that nothing is left and the machine's own journal sees nothing."""

import base64
import glob
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

BUILD, SOURCE = sys.argv[1:3]
JOURNALD, UPLOAD, REMOTE = (f"/lib/systemd/systemd-journal{name}" for name in ("d", "-upload", "-remote"))
MACHINE = "8a6f2d3c4b5e49d0a1b2c3d4e5f60718"
PATIENCE = 45
CHECKS = 550                            # 1,104 entries each: two segments, and more than a socket's queue holds
FIRST_PART = 700                        # entries that a terminal has when all begins


def why_not():
    if os.geteuid() != 0:
        return "journald in namespaces needs root"
    for program in (JOURNALD, UPLOAD, REMOTE, "/usr/bin/journalctl", "/usr/bin/unshare"):
        if not os.path.exists(program):
            return f"{program} is missing; install systemd and systemd-journal-remote"
    if not os.path.exists("/etc/machine-id") or not os.path.isdir("/var/log"):
        return "there is no /etc/machine-id or /var/log to put others over"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        return "namespaces cannot be made (in a container: --privileged)"
    if not os.path.isdir("/sys/fs/cgroup") or not os.listdir("/sys/fs/cgroup"):
        return "journald needs control groups: there is nothing mounted on /sys/fs/cgroup"
    return None


def make_world():
    """Inside the namespaces: empty places where systemd has its own."""
    for place in ("/run", "/var/log", "/etc/systemd"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", place], check=True)
    with open("/run/machine-id", "w") as file:
        file.write(MACHINE + "\n")
    subprocess.run(["mount", "--bind", "/run/machine-id", "/etc/machine-id"], check=True)
    os.makedirs("/run/systemd/journal")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(line):
    return json.loads(decode(line.split(".")[1]))


def altered(line, **changes):
    """The receipt with other claims and its old signature."""
    header, _, signature = line.split(".")
    body = base64.urlsafe_b64encode(json.dumps({**claims_of(line), **changes}).encode()).rstrip(b"=").decode()
    return f"{header}.{body}.{signature}"


def eventually(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Journald:
    """A journald for a namespace. The socket is ours, as systemd would hold it: it stays when journald goes."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.files = f"/var/log/journal/{MACHINE}.{namespace}"
        self.path = f"/run/systemd/journal.{namespace}/socket"
        os.makedirs(os.path.dirname(self.path))
        shutil.copy(f"{SOURCE}/docs/examples/fleet/journald@likeness.conf", f"/etc/systemd/journald@{namespace}.conf")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.pid = None
        self.start()

    def start(self):
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(os.dup(self.socket.fileno()), 3)
                os.execve(JOURNALD, ["systemd-journald", self.namespace],
                          {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "PATH": os.defpath})
            finally:
                os._exit(127)
        assert eventually(lambda: glob.glob(self.files + "/*.journal")), "journald does not start"

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        self.signal(signal.SIGTERM)
        os.waitpid(self.pid, 0)


class Terminal:
    """A ledger that grows, its courier, its journal, its uploader."""

    def __init__(self, name, namespace, port):
        self.name = name
        self.place = f"/run/terminals/{name}"
        self.made, self.ledger = self.place + "/made", self.place + "/ledger"
        for directory in (self.place, self.place + "/state", self.ledger):
            os.makedirs(directory)
        subprocess.run([f"{BUILD}/tests/ledger/make-ledger", self.made, str(CHECKS), f"--terminal={name}"], check=True)
        with open(self.made + "/keys.json") as file:
            self.keys = json.load(file)["keys"]
        self.segments = sorted(n for n in os.listdir(self.made) if n.endswith(".jws"))
        self.lines, self.written = [], 0
        for segment in self.segments:
            with open(f"{self.made}/{segment}") as file:
                self.lines += file.read().splitlines()
        self.second = int(self.segments[1][7:23], 16)

        self.write(FIRST_PART)
        self.journald = Journald(namespace)
        self.courier = self.start_courier()
        self.upload = self.start_upload(port)

    def start_upload(self, port):
        return subprocess.Popen([UPLOAD, f"--directory={self.journald.files}", f"--url=http://127.0.0.1:{port}",
                                 f"--save-state={self.place}/upload"], stderr=subprocess.DEVNULL)

    def write(self, up_to):
        """What likenessd would write, entry by entry."""
        for i in range(self.written, up_to):
            with open(f"{self.ledger}/{self.segments[0 if i + 1 < self.second else 1]}", "a") as file:
                file.write(self.lines[i] + "\n")
        self.written = up_to

    def start_courier(self):
        return subprocess.Popen([f"{BUILD}/daemon/courier/likeness-courier", f"--ledger={self.ledger}",
                                 f"--state={self.place}/state", f"--socket={self.journald.path}"])

    def position(self):
        try:
            with open(self.place + "/state/position") as file:
                return int(file.read().split()[0])
        except FileNotFoundError:
            return 0


class Fleet(unittest.TestCase):
    """One story: what a test did to the collection stays there for the next one."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.port = free_port()
        cls.collected = "/var/log/collected"
        os.makedirs(cls.collected)
        cls.remote = None
        cls.start_remote()
        # what every other program on the machine logs to
        cls.machine = Journald("machine")
        subprocess.run(["mount", "--bind", "/run/systemd/journal.machine", "/run/systemd/journal"], check=True)
        cls.terminals = [Terminal("till-1", "likeness", cls.port), Terminal("till-2", "likeness2", cls.port)]
        with open("/run/keys.json", "w") as file:
            json.dump({"keys": [key for t in cls.terminals for key in t.keys]}, file)

    @classmethod
    def start_remote(cls):
        cls.remote = subprocess.Popen([REMOTE, f"--listen-http=127.0.0.1:{cls.port}", f"--output={cls.collected}",
                                       "--split-mode=host"], stderr=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        for process in [cls.remote] + [p for t in cls.terminals for p in (t.courier, t.upload)]:
            process.terminate()
            process.wait(PATIENCE)
        for t in cls.terminals:
            assert t.courier.returncode == 0, f"{t.name}'s courier ended with status {t.courier.returncode}"

    # --- what the collector has

    def entries(self):
        """All that arrived; journalctl prints a field that comes several times, or is long, as a list."""
        out = subprocess.run(["journalctl", f"--directory={self.collected}", "--output=json", "--all", "--no-pager"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
        return [json.loads(line) for line in out.splitlines()]

    def receipts(self, terminal):
        return [e["LIKENESS_RECEIPT"] for e in self.entries() if e.get("LIKENESS_TERMINAL") == terminal.name]

    def wait_for_all(self):
        for t in self.terminals:
            self.assertTrue(eventually(lambda t=t: len(self.receipts(t)) >= t.written),
                            f"{t.name}: {len(self.receipts(t))} of {t.written} arrived, {t.position()} were copied")

    def verify(self):
        result = subprocess.run([f"{BUILD}/client/likenessctl/likenessctl", "ledger", "verify",
                                 f"--journal={self.collected}", "--keys=/run/keys.json", "--json"],
                                stdout=subprocess.PIPE, text=True)
        found = json.loads(result.stdout)
        self.assertEqual(result.returncode, 0 if found["whole"] else 1)
        return found

    def verdict_of(self, found, name):
        return next(t for t in found["terminals"] if t["terminal"] == name)

    def errors(self, result):
        return [(f["kind"], f["sequence"]) for f in result["findings"] if not f["warning"]]

    def log(self, terminal_journald, *fields):
        """Any local program may write to any journal's socket."""
        message = b"".join(f"{name}={value}\n".encode() for name, value in fields)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(message, terminal_journald.path)

    # --- the story

    def test_0_no_limit_to_the_rate(self):
        """journald knows whom to limit only under systemd: what it would drop can be seen there alone."""
        with open(f"{SOURCE}/docs/examples/fleet/journald@likeness.conf") as file:
            self.assertIn("\nRateLimitIntervalSec=0\n", file.read())

    def test_1_receipts_of_both_terminals_arrive(self):
        self.wait_for_all()
        for t in self.terminals:
            self.assertEqual(self.receipts(t), t.lines[:t.written])
        found = self.verify()
        self.assertTrue(found["whole"], found)
        self.assertEqual([(t["terminal"], t["first"], t["last"], t["missing"]) for t in found["terminals"]],
                         [("till-1", 1, FIRST_PART, 0), ("till-2", 1, FIRST_PART, 0)])

    def test_2_nothing_but_receipts(self):
        """Others' log lines are in the machine's journal, and not in what the collector has."""
        subprocess.run(["logger", "--journald"], check=True, text=True,
                       input="MESSAGE=somebody bought something\nPRIORITY=5\n")
        os.system("echo a customer named X | systemd-cat -t till")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"MESSAGE=forged in the wrong journal\nLIKENESS_RECEIPT=x\n", "/run/systemd/journal/socket")
        seen = lambda: subprocess.run(["journalctl", f"--directory={self.machine.files}", "--output=cat"],
                                      stdout=subprocess.PIPE, text=True).stdout
        self.assertTrue(eventually(lambda: all(w in seen() for w in ("bought something", "customer named X",
                                                                       "forged"))))

        self.terminals[0].write(FIRST_PART + 2)
        self.wait_for_all()
        for entry in self.entries():
            if entry["_TRANSPORT"] == "driver":
                self.assertEqual(entry["SYSLOG_IDENTIFIER"], "systemd-journald", entry)
            else:
                self.assertEqual((entry["_COMM"], entry["SYSLOG_IDENTIFIER"]), ("likeness-courie", "likeness-courier"))
                self.assertIn("LIKENESS_RECEIPT", entry)

    def test_3_stopped_journald(self):
        """Journald stands still while receipts come; then it is started anew."""
        t = self.terminals[0]
        t.journald.signal(signal.SIGSTOP)
        before = t.position()
        t.write(len(t.lines))
        self.terminals[1].write(FIRST_PART + 50)
        self.assertTrue(eventually(lambda: t.position() > before))
        while t.position() != (time.sleep(1.5) or t.position()):
            pass
        self.assertLess(t.position(), t.written, "the queue should have been full")
        self.assertIsNone(t.courier.poll())
        t.journald.signal(signal.SIGCONT)
        self.wait_for_all()

        t = self.terminals[1]
        t.journald.end()
        t.write(FIRST_PART + 200)
        t.courier.kill()
        t.courier.wait()
        t.courier = t.start_courier()
        t.journald.start()
        self.wait_for_all()
        for t in self.terminals:
            got = self.receipts(t)
            once = [line for i, line in enumerate(got) if i == 0 or line != got[i - 1]]
            self.assertEqual(once, t.lines[:t.written])
            self.assertLessEqual(len(got) - len(once), 1)
        self.assertTrue(self.verify()["whole"])

    def test_4_collector_away(self):
        self.remote.terminate()
        self.remote.wait(PATIENCE)
        t = self.terminals[1]
        t.write(t.written + 20)
        self.assertTrue(eventually(lambda: t.position() == t.written))
        type(self).start_remote()
        self.assertTrue(eventually(self.restart_uploads))
        self.wait_for_all()
        self.assertTrue(self.verify()["whole"])

    def restart_uploads(self):
        """systemd-journal-upload ends when the collector goes; its unit starts it again."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5)
        except urllib.error.HTTPError:
            pass                        # it is there
        except OSError:
            return False
        for t in self.terminals:
            t.upload.terminate()
            t.upload.wait(PATIENCE)
            t.upload = t.start_upload(self.port)
        return True

    def test_5_hole(self):
        """An entry that was never sent is listed; the courier can send it again."""
        t = self.terminals[1]
        t.courier.terminate()
        t.courier.wait(PATIENCE)
        at = t.written
        t.write(at + 5)
        with open(t.place + "/state/position") as file:
            boot = file.read().split()[2]
        digest = hashlib.sha256(t.lines[at + 2].encode()).digest()
        with open(t.place + "/state/position", "w") as file:    # as if these three had been sent
            file.write(f"{at + 3} {base64.urlsafe_b64encode(digest).rstrip(b'=').decode()} {boot}\n")
        t.courier = t.start_courier()
        self.assertTrue(eventually(lambda: t.lines[at + 4] in self.receipts(t)))
        found = self.verify()
        self.assertFalse(found["whole"])
        result = self.verdict_of(found, t.name)
        self.assertEqual((result["missing"], result["last"]), (3, at + 5))
        self.assertIn(("hole", at + 1), self.errors(result))
        self.assertEqual(self.errors(self.verdict_of(found, "till-1")), [])

        t.courier.terminate()
        t.courier.wait(PATIENCE)
        t.courier = subprocess.Popen([f"{BUILD}/daemon/courier/likeness-courier", f"--ledger={t.ledger}",
                                      f"--state={t.place}/state", f"--socket={t.journald.path}",
                                      f"--again-from={at + 1}"])
        self.assertTrue(eventually(lambda: t.lines[at + 1] in self.receipts(t) and
                                   self.receipts(t).count(t.lines[at + 4]) == 2))
        found = self.verify()
        self.assertTrue(found["whole"], found)

    def test_6_forged_and_tampered(self):
        """Anybody on the machine can write to the journal; nobody can make an entry of it that counts."""
        one, two = self.terminals
        last = one.written
        verdict = next(line for line in one.lines if claims_of(line).get("verdict") == "inconclusive")
        number = claims_of(verdict)["sequence"]
        whole = self.verify()
        self.assertTrue(whole["whole"])
        good = self.verdict_of(whole, "till-1")["entries"]      # with what an uploader sent twice

        def wait_for(text):
            self.assertTrue(eventually(lambda: text in [e.get("LIKENESS_RECEIPT") for e in self.entries()]))

        # a receipt that was altered
        tampered = altered(verdict, verdict="match", reasons=[])
        self.log(one.journald, ("MESSAGE", "receipt"), ("LIKENESS_TERMINAL", "till-1"), ("LIKENESS_RECEIPT", tampered))
        wait_for(tampered)
        result = self.verdict_of(self.verify(), "till-1")
        self.assertEqual([kind for kind, _ in self.errors(result)], ["bad-signature"])
        self.assertEqual((result["entries"], result["last"]), (good, last))

        # one with a number that has not come, and a signature of another entry
        forged = altered(verdict, sequence=last + 1)
        self.log(one.journald, ("LIKENESS_RECEIPT", forged))
        # one for a terminal that does not exist
        invented = altered(verdict, terminal="till-3")
        self.log(two.journald, ("LIKENESS_TERMINAL", "till-3"), ("LIKENESS_RECEIPT", invented))
        # the other terminal's real receipt, in this terminal's journal and under its name
        moved = two.lines[9]
        self.log(one.journald, ("LIKENESS_TERMINAL", "till-1"), ("LIKENESS_RECEIPT", moved))
        # no receipt at all
        self.log(two.journald, ("MESSAGE", "x"), ("LIKENESS_RECEIPT", "x"))
        for text in (forged, invented, "x"):
            wait_for(text)
        self.assertTrue(eventually(lambda: self.receipts(one).count(moved) == 1))

        found = self.verify()
        self.assertFalse(found["whole"])
        self.assertEqual([t["terminal"] for t in found["terminals"]], ["till-1", "till-2"])
        first, second = (self.verdict_of(found, t.name) for t in self.terminals)
        self.assertEqual([kind for kind, _ in self.errors(first)], ["bad-signature", "bad-signature"])
        self.assertEqual((first["last"], first["missing"]), (last, 0))
        self.assertEqual(self.errors(second), [])       # a copy of its own entry, whoever sent it, is a repetition
        self.assertEqual((second["entries"] >= two.written, second["missing"]), (True, 0))
        self.assertEqual(found["foreign"]["lines"], 2)
        self.assertTrue(found["foreign"]["errors"] >= 2)


def main():
    reason = why_not()
    if reason:
        print(f"skipped: {reason}")
        return 77
    if "--inside" not in sys.argv:
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation",
                               "private", sys.executable, "-B", os.path.realpath(__file__), *sys.argv[1:3],
                               "--inside", *sys.argv[3:]]).returncode
    make_world()
    sys.argv.remove("--inside")
    program = unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2, failfast=True, exit=False)
    return not program.result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(main())
