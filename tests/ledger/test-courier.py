#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""likeness-courier against a journal that is this test's own socket: what arrives, in which order, how often, whatever
happens to the journal, to the ledger and to the courier.

Arguments: BUILD-DIRECTORY SOURCE-DIRECTORY"""

import base64
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BUILD, SOURCE = sys.argv[1:3]
COURIER = f"{BUILD}/daemon/courier/likeness-courier"
PATIENCE = 60
CHECKS = 600                            # 1,204 entries in two segments
SEED = int(os.environ.get("LIKENESS_TEST_SEED", "20260301"))


def claims_of(line):
    body = line.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def make_ledger(directory, checks, *options):
    subprocess.run([f"{BUILD}/tests/ledger/make-ledger", directory, str(checks), *options], check=True)


def segments(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".jws"))


def lines(directory):
    found = []
    for name in segments(directory):
        with open(f"{directory}/{name}") as file:
            found += file.read().split("\n")[:-1]
    return found


def fields_of(message):
    """The journal's native protocol, in the form that takes any bytes."""
    fields, at = {}, 0
    while at < len(message):
        end = message.index(b"\n", at)
        size, = struct.unpack_from("<Q", message, end + 1)
        name, value = message[at:end].decode(), message[end + 9:end + 9 + size]
        at = end + 9 + size + 1
        assert message[at - 1:at] == b"\n" and len(value) == size and name not in fields
        fields[name] = value.decode()
    return fields


def eventually(condition, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Journal:
    """A journald that takes what comes when it is told to."""

    def __init__(self, path):
        self.path = path
        self.received = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(0.05)

    def close(self):
        self.socket.close()
        os.unlink(self.path)

    def receive(self, enough, seconds=PATIENCE):
        """Until there are so many, and then whatever else there is."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.received.append(fields_of(self.socket.recv(1 << 20)))
            except TimeoutError:
                if len(self.received) >= enough:
                    break
        return [fields["LIKENESS_RECEIPT"] for fields in self.received]


class Courier(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.mkdtemp()
        cls.made = cls.place + "/made"
        make_ledger(cls.made, CHECKS)
        cls.all = lines(cls.made)
        assert len(segments(cls.made)) == 2

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.place)

    def setUp(self):
        self.scratch = tempfile.mkdtemp(dir=self.place)
        self.ledger, self.state = self.scratch + "/ledger", self.scratch + "/state"
        os.mkdir(self.state)
        self.log = self.scratch + "/log"
        self.process = None
        self.journal = Journal(self.scratch + "/socket")

    def tearDown(self):
        self.stop()
        self.journal.socket.close()

    def start(self, *options):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([COURIER, f"--ledger={self.ledger}", f"--state={self.state}",
                                             f"--socket={self.scratch}/socket", *options], stderr=log)

    def stop(self, number=signal.SIGTERM):
        """Ends it; it must end in order, at once, and no sanitizer have anything to say."""
        if not self.process:
            return
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        self.process = None
        if number == signal.SIGTERM:
            self.assertEqual(status, 0, self.said())
            self.assertLess(time.monotonic() - began, 20)

    def said(self):
        with open(self.log) as file:
            return file.read()

    def wait_said(self, words):
        self.assertTrue(eventually(lambda: words in self.said()), f"never said “{words}”: {self.said()}")

    def position(self):
        try:
            with open(self.state + "/position") as file:
                return int(file.read().split()[0])
        except FileNotFoundError:
            return 0

    def write(self, name, text):
        os.makedirs(self.ledger, exist_ok=True)
        with open(f"{self.ledger}/{name}", "a") as file:
            file.write(text)

    def write_entries(self, first, last):
        """Entries first to last of the ledger that was made, into the files that they belong to."""
        names = segments(self.made)
        second = int(names[1][7:23], 16)
        for i in range(first, last + 1):
            self.write(names[0] if i < second else names[1], self.all[i - 1] + "\n")

    def test_copies_everything_in_order_once(self):
        shutil.copytree(self.made, self.ledger)
        before = {name: os.stat(f"{self.ledger}/{name}") for name in os.listdir(self.ledger)}
        self.start()
        self.assertEqual(self.journal.receive(len(self.all)), self.all)
        for fields, line in zip(self.journal.received, self.all):
            claims = claims_of(line)
            self.assertEqual(set(fields), {"MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER",
                                           "LIKENESS_TERMINAL", "LIKENESS_SEQUENCE", "LIKENESS_RECEIPT"})
            self.assertEqual(fields["MESSAGE"], f"receipt {claims['sequence']} of till-1: {claims['entry']}")
            self.assertEqual((fields["LIKENESS_TERMINAL"], fields["LIKENESS_SEQUENCE"]),
                             ("till-1", str(claims["sequence"])))
        self.assertEqual(len({(f["MESSAGE_ID"], f["PRIORITY"]) for f in self.journal.received}), 1)
        after = {name: os.stat(f"{self.ledger}/{name}") for name in os.listdir(self.ledger)}
        self.assertEqual({n: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode) for n, s in before.items()},
                         {n: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_mode) for n, s in after.items()})

    def test_follows_what_is_written(self):
        """Entry by entry, over the segment's end, and never a part of one."""
        self.start()
        time.sleep(0.2)                 # there is no ledger yet
        second = int(segments(self.made)[1][7:23], 16)
        self.write_entries(1, second - 3)
        self.assertEqual(len(self.journal.receive(second - 3)), second - 3)
        for i in range(second - 2, second + 6):
            line = self.all[i - 1] + "\n"
            name = segments(self.made)[0 if i < second else 1]
            self.write(name, line[:100])
            self.assertEqual(len(self.journal.receive(i - 1)), i - 1)
            self.write(name, line[100:-1])
            self.assertEqual(len(self.journal.receive(i - 1)), i - 1)
            self.write(name, "\n")
            self.assertEqual(self.journal.receive(i), self.all[:i])

    def test_repaired_tail(self):
        """What was torn and then written over does not arrive; what stands there in the end does."""
        self.write_entries(1, 4)
        self.start()
        self.journal.receive(4)
        name = segments(self.made)[0]
        size = os.stat(f"{self.ledger}/{name}").st_size
        self.write(name, "eyJ0b3JuIjoxfQ.abc" * 100)
        self.assertEqual(len(self.journal.receive(4)), 4)
        with open(f"{self.ledger}/{name}", "r+") as file:
            file.seek(size)
            file.write(self.all[4] + "\n")
            file.truncate()
        self.assertEqual(self.journal.receive(5), self.all[:5])

    def test_stopped_journal(self):
        """A journald that reads nothing: the courier waits without work, ends when it is told to, and goes on."""
        shutil.copytree(self.made, self.ledger)
        self.start()
        self.assertTrue(eventually(self.position))
        while self.position() != (time.sleep(1) or self.position()):
            pass
        stuck = self.position()
        self.assertLess(stuck, len(self.all))
        before = self.switches()
        time.sleep(2)
        self.assertEqual(self.switches(), before)
        self.assertEqual(self.position(), stuck)
        self.stop()
        self.start()
        self.assertEqual(self.journal.receive(len(self.all)), self.all)

    def switches(self):
        with open(f"/proc/{self.process.pid}/status") as file:
            return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)

    def test_idle(self):
        """It waits for the ledger, it does not look again and again."""
        self.write_entries(1, 3)
        self.start()
        self.journal.receive(3)
        time.sleep(1)
        before = self.switches()
        time.sleep(4)
        self.assertEqual(self.switches(), before)

    def test_no_journal(self):
        """No socket, and one that nobody serves: nothing counts as copied."""
        self.journal.close()
        shutil.copytree(self.made, self.ledger)
        self.start()
        self.wait_said("the receipts wait in the ledger")
        self.assertEqual(self.position(), 0)
        self.journal = Journal(self.scratch + "/socket")
        self.assertEqual(self.journal.receive(len(self.all)), self.all)
        self.wait_said("takes receipts again")

    def test_journal_comes_again(self):
        """The socket is replaced while the courier is connected to it."""
        self.write_entries(1, 10)
        self.start()
        self.journal.receive(10)
        self.journal.close()
        self.write_entries(11, 15)
        self.wait_said("the receipts wait in the ledger")
        self.journal = Journal(self.scratch + "/socket")
        self.assertEqual(self.journal.receive(5), self.all[10:15])
        self.journal.close()
        self.journal = Journal(self.scratch + "/socket")
        self.write_entries(16, 20)
        self.assertEqual(self.journal.receive(5), self.all[15:20])
        self.assertEqual(self.said().count("the receipts wait in the ledger"), 1, "the new socket is tried at once")

    def test_killed(self):
        """kill -9 at any moment: nothing is missing, and each time the last entry at most comes twice."""
        source = random.Random(SEED)
        shutil.copytree(self.made, self.ledger)
        kills = 0
        while self.position() < len(self.all) and kills < 400:
            self.start()
            began, delay = time.monotonic(), source.uniform(0, 0.04)
            while time.monotonic() - began < delay:
                self.journal.receive(0, 0.002)
            self.stop(signal.SIGKILL)
            kills += 1
        got = self.journal.receive(0)
        self.assertEqual(self.position(), len(self.all))
        once = [line for i, line in enumerate(got) if i == 0 or line != got[i - 1]]
        self.assertEqual(once, self.all, f"seed {SEED}")
        self.assertLessEqual(len(got) - len(once), kills)
        self.assertGreater(kills, 3)

    def test_after_a_boot(self):
        """What journald had not written when the power went comes again."""
        self.write_entries(1, 50)
        self.start()
        self.journal.receive(50)
        self.stop()
        with open(self.state + "/position") as file:
            words = file.read().split()
        with open(self.state + "/position", "w") as file:
            file.write(" ".join(words[:2]) + " " + "0" * 32 + "\n")
        self.start()
        self.assertEqual(self.journal.receive(58), self.all[:50] + self.all[42:50])
        self.stop()
        self.start()
        self.write_entries(51, 51)
        self.assertEqual(self.journal.receive(59)[58:], self.all[50:51])

    def test_replaced_ledger(self):
        self.write_entries(1, 5)
        self.start()
        self.journal.receive(5)
        other = self.scratch + "/other"
        make_ledger(other, 3, "--terminal=till-9")
        os.rename(self.ledger, self.scratch + "/away")
        os.rename(other, self.ledger)
        self.assertEqual(self.journal.receive(5 + len(lines(self.ledger)))[5:], lines(self.ledger))
        self.assertIn("the ledger was replaced", self.said())

    def test_replaced_while_away(self):
        self.write_entries(1, 5)
        self.start()
        self.journal.receive(5)
        self.stop()
        shutil.rmtree(self.ledger)
        make_ledger(self.ledger, 3, "--terminal=till-9")
        self.start()
        self.assertEqual(self.journal.receive(5 + len(lines(self.ledger)))[5:], lines(self.ledger))
        self.assertIn("the ledger was replaced", self.said())

    def test_cut_off(self):
        self.write_entries(1, 5)
        self.start()
        self.journal.receive(5)
        name = f"{self.ledger}/{segments(self.made)[0]}"
        os.truncate(name, len(self.all[0]) + 1)
        self.write_entries(2, 2)
        self.assertEqual(self.journal.receive(7)[5:], self.all[:2])
        self.assertIn("replaced or cut off", self.said())

    def test_retired_segment(self):
        self.write_entries(1, 5)
        self.start()
        self.journal.receive(5)
        self.stop()
        shutil.rmtree(self.ledger)
        second = int(segments(self.made)[1][7:23], 16)
        self.write_entries(second, second + 9)
        self.start()
        self.assertEqual(self.journal.receive(15)[5:], self.all[second - 1:second + 9])
        self.assertIn(f"entries 6 to {second - 1} are not there", self.said())

    def test_what_is_no_receipt(self):
        name = segments(self.made)[0]
        self.write_entries(1, 2)
        self.write(name, "neither\n\n" + "x" * 30000 + "\n" + self.all[2].replace(".", "", 1) + "\n")
        self.write_entries(3, 4)
        self.start()
        self.assertEqual(self.journal.receive(4), self.all[:4])
        self.assertIn("no receipt", self.said())

    def test_unreadable_position(self):
        for text in ("", "x\n", "5 abc def\n", "99999999999999999999999999 a b\n", "\0" * 200):
            with open(self.state + "/position", "w") as file:
                file.write(text)
            shutil.rmtree(self.ledger, ignore_errors=True)
            self.write_entries(1, 3)
            self.journal.received.clear()
            self.start()
            self.assertEqual(self.journal.receive(3), self.all[:3])
            self.stop()
            self.assertIn("/position: is none", self.said())

    def test_again_from(self):
        self.write_entries(1, 20)
        self.start()
        self.journal.receive(20)
        self.stop()
        self.start("--again-from=15")
        self.assertEqual(self.journal.receive(26)[20:], self.all[14:20])
        self.stop()
        for wrong in ("0", "-1", "x", "", "00", "1" * 30):
            result = subprocess.run([COURIER, f"--again-from={wrong}"], stderr=subprocess.DEVNULL)
            self.assertEqual(result.returncode, 2)

    def test_alone(self):
        self.write_entries(1, 3)
        self.start()
        self.journal.receive(3)
        second = subprocess.run([COURIER, f"--ledger={self.ledger}", f"--state={self.state}",
                                 f"--socket={self.scratch}/socket"], stderr=subprocess.PIPE, text=True,
                                timeout=PATIENCE)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another courier", second.stderr)

    def test_full_state(self):
        """A position that cannot be written stops nothing."""
        os.mkdir(self.state + "/position.new")
        self.write_entries(1, 20)
        self.start()
        self.assertEqual(self.journal.receive(20), self.all[:20])
        self.assertEqual(self.said().count("cannot be written"), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
