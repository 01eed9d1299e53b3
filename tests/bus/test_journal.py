#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What the journal is told: likenessd with its stderr connected as systemd does it, and a journald that is this test's."""

import contextlib
import os
import re
import socket
import struct

import harness
import pictures
import services
from client import BusError, Client, Request

SOCKET = "/run/systemd/journal/socket"
CODE = re.compile("[2-9A-HJ-NP-Z]{4}-[2-9A-HJ-NP-Z]{4}")


def source(path):
    with open(f"{harness.source_directory()}/{path}") as file:
        return file.read()


def message_id(name):
    return re.search(rf'^#define MESSAGE_{name} +"([0-9a-f]{{32}})"', source("daemon/common/message-ids.h"), re.M)[1]


def documented_fields():
    table = source("docs/privacy.md").split("### The service's journal, field by field")[1].split("\n\n")[2]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def fields_of(message):
    """The native protocol; anything but the form with sizes is a mistake."""
    fields, at = {}, 0
    while at < len(message):
        end = message.index(b"\n", at)
        size, = struct.unpack_from("<Q", message, end + 1)
        name, value = message[at:end].decode(), message[end + 9:end + 9 + size]
        at = end + 9 + size + 1
        assert message[at - 1:at] == b"\n" and len(value) == size and name not in fields, message
        assert re.fullmatch("[A-Z_]+", name), message
        fields[name] = value.decode()
    return fields


class Journald:
    def __init__(self):
        os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        # journald's end of the stream; nobody reads it
        self.stream, self.stderr = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.received = []

    def environment(self):
        st = os.fstat(self.stderr.fileno())
        return {"JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"}

    def close(self):
        for s in (self.socket, self.stream, self.stderr):
            s.close()
        os.unlink(SOCKET)

    def receive(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.received.append(fields_of(self.socket.recv(1 << 16)))
        return self.received

    def wait(self, condition, seconds=harness.PATIENCE):
        """The first message that the condition holds for."""
        found = lambda: next((m for m in self.receive() if condition(m)), None)
        message = harness.eventually(found, seconds)
        assert message, self.received
        return message

    def wait_id(self, name):
        return self.wait(lambda m: m.get("MESSAGE_ID") == message_id(name))

    def fill(self):
        """Until its queue takes nothing more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as s:
            s.connect(SOCKET)
            n = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    s.send(b"MESSAGE\n" + struct.pack("<Q", 4) + b"junk\n")
                    n += 1
        return n


class Journal(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.journald = Journald()
        cls.daemon = services.Daemon(cls.journald.environment(), cls.journald.stderr)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.environment.pop("JOURNAL_STREAM")
        cls.daemon.stderr = None
        cls.daemon.start()
        cls.journald.close()

    def setUp(self):
        super().setUp()
        self.journald.receive()
        self.journald.received.clear()

    def check(self, **more):
        """A check, and all that was said until its end."""
        caller = Client()
        answer = caller.verify(Request(pictures.portrait(1), **more))
        caller.close()
        code = answer.fields["support-code"]
        self.journald.wait(lambda m: m.get("LIKENESS_SUPPORT_CODE") == code and "closed" in m["MESSAGE"])
        return answer, [m for m in self.journald.received if m.get("LIKENESS_SUPPORT_CODE") == code]

    def test_1_start(self):
        self.daemon.start()
        ready = self.journald.wait_id("READY")
        self.assertEqual(ready["PRIORITY"], "6")
        self.assertRegex(ready["MESSAGE"], "^ready: version .*, terminal .*, mode pilot, key protection ")
        self.assertEqual(self.journald.wait_id("DEMO")["PRIORITY"], "5")
        self.assertEqual(ready["SYSLOG_IDENTIFIER"], "likenessd")

    def test_2_check(self):
        answer, said = self.check()
        self.assertEqual(answer.verdict, "match")
        code = answer.fields["support-code"]
        self.assertRegex(code, CODE)
        self.assertEqual([(m["MESSAGE"], m["MESSAGE_ID"], m["PRIORITY"]) for m in said],
                         [(f"{code}: opened for uid {services.identity('clerk')} (demo)", message_id("CHECK_OPENED"), "6"),
                          (f"{code}: closed: answered", message_id("CHECK_CLOSED"), "6")])

    def test_3_documented_fields_only(self):
        self.check()
        with contextlib.suppress(BusError):
            Client().verify(Request(pictures.portrait(1), nonce="short"))
        os.kill(services.likenessd(), 1)       # the configuration is read again
        self.journald.wait_id("CONFIGURATION_TAKEN")
        self.assertGreaterEqual(len(documented_fields()), 7)
        for message in self.journald.received:
            self.assertLessEqual(set(message), documented_fields(), message)

    def test_4_nothing_of_a_caller(self):
        """What a caller writes is nowhere, neither when it is right nor when it is wrong."""
        words = {"nonce": "Tm9uY2VNYXJrZXIxMjM0NQ", "transaction": "transaction-marker", "operator": "operator-marker",
                 "notice": "notice-marker", "locale": "ko_KR.UTF-8", "pace": "relaxed"}
        answer, _ = self.check(**words)
        wrong = []
        for key in (*words, "document", "challenge"):
            for value in (f"wrong-{key}-marker\nMESSAGE=forged\nPRIORITY=0\n", f"wrong-{key}-marker"):
                request = Request(pictures.portrait(1), **{key: value})
                caller = Client()
                wrong.append(caller.bus.get_unique_name())
                with contextlib.suppress(BusError):
                    caller.verify(request)
                caller.close()
        customer = Client()
        wrong.append(customer.bus.get_unique_name())
        customer.start(Request(cause="refused", alternative="mobile-id", transaction="declined-marker")
                       .remove("document").remove("challenge"), "Decline").wait()
        customer.close()
        self.check()

        everything = "\n".join("\n".join(m.values()) for m in self.journald.received)
        self.assertIn("closed: answered", everything)
        for word in (*words.values(), "marker", "forged", "passport", "declined", answer.verdict):
            self.assertNotIn(word, everything)
        for name in wrong:
            self.assertNotRegex(everything, re.escape(name) + r"(?!\d)")
        for message in self.journald.received:
            self.assertNotIn("\n", message["MESSAGE"])
            self.assertIn(message["PRIORITY"], "34567")

    def test_5_a_check_without_an_answer(self):
        """One line for its end, which says what to do and has an entry in the catalogue of its own."""
        with services.instead(harness.CLIP, "/dev/null"):
            with self.assertRaises(BusError):
                Client().verify(Request(pictures.portrait(1)))
        closed = self.journald.wait(lambda m: "closed" in m["MESSAGE"])
        code = closed["LIKENESS_SUPPORT_CODE"]
        self.assertLessEqual(int(closed["PRIORITY"]), 4)
        self.assertIn(f"-- {closed['MESSAGE_ID']}\n", source("journal/likeness.catalog"))
        self.assertNotEqual(closed["MESSAGE_ID"], message_id("CHECK_CLOSED"))
        self.assertRegex(closed["MESSAGE"], rf"^{code}: closed: camera-[a-z]+: [A-Z].*\.")
        self.assertEqual(len([m for m in self.journald.receive() if code in m["MESSAGE"]]), 2, self.journald.received)

    def test_51_a_flood_of_calls_is_no_flood_of_messages(self):
        caller = Client()
        with services.stopped(services.polkitd()):
            calls = [caller.start(Request(pictures.portrait(1))) for _ in range(60)]
            outcomes = [call.outcome() for call in calls]
        names = {getattr(outcome, "name", "answered") for outcome in outcomes}
        self.assertIn("org.freedesktop.DBus.Error.LimitsExceeded", names)
        refused = self.journald.wait_id("CALLS_REFUSED")
        self.assertEqual(refused["MESSAGE"], "calls are refused: too many of uid "
                                             f"{services.identity('clerk')} wait for polkit at once")
        self.journald.wait_id("POLKIT_MISSING")
        self.assertEqual([m.get("MESSAGE_ID") for m in self.journald.receive()].count(message_id("CALLS_REFUSED")), 1)
        self.assertEqual([m.get("MESSAGE_ID") for m in self.journald.receive()].count(message_id("POLKIT_MISSING")), 1)
        self.check()
        self.journald.wait_id("PROBLEM_OVER")
        caller.close()

    def test_6_stopped_journald_holds_nobody_up(self):
        self.assertGreater(self.journald.fill(), 0)
        for _ in range(3):
            caller = Client()
            self.assertEqual(caller.verify(Request(pictures.portrait(1))).verdict, "match")
            caller.close()
        said = self.journald.receive()
        self.assertEqual({m["MESSAGE"] for m in said}, {"junk"}, "the queue was not full")

        answer, _ = self.check()
        lost = self.journald.wait_id("LOG_LOST")
        self.assertRegex(lost["MESSAGE"], "missing here: 6$")
        self.assertLess(self.journald.received.index(lost),
                        next(i for i, m in enumerate(self.journald.received)
                             if m.get("LIKENESS_SUPPORT_CODE") == answer.fields["support-code"]))

    def test_7_without_a_native_socket(self):
        """Then it is the stream's; and when that is full nobody waits either."""
        os.rename(SOCKET, SOCKET + ".away")
        self.journald.socket.close()
        try:
            caller = Client()
            answer = caller.verify(Request(pictures.portrait(1)))
            self.journald.stream.setblocking(False)
            said = self.journald.stream.recv(1 << 16).decode()
            self.assertIn(f"<6>{answer.fields['support-code']}: closed: answered\n", said)
            self.journald.stderr.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.journald.stderr.send(b"x" * 4096)
            self.journald.stderr.setblocking(True)
            for _ in range(2):
                self.assertEqual(caller.verify(Request(pictures.portrait(1))).verdict, "match")
        finally:
            os.rename(SOCKET + ".away", SOCKET)


if __name__ == "__main__":
    harness.main()
