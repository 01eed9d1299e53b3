#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The machine goes to sleep: a check ends first, and is recorded, and nothing is left of it when logind may go on. The
logind is the test's own. And nobody else can say that the machine goes to sleep, or that a caller has left."""

import os
import select
import signal

from gi.repository import Gio, GLib

import harness
import pictures
import services
from client import BusError, Call, Client, Request, spin
from harness import eventually

NAME, PATH, INTERFACE = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
SCHEMA = """<node><interface name="org.freedesktop.login1.Manager">
<method name="Inhibit"><arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="h" direction="out"/></method></interface></node>"""


def ledger():
    import test_receipts

    return test_receipts.entries()


class Logind:
    """What likenessd sees of it. `answer`: "lock", "error", or "nothing", which answer_late() makes up for."""

    def __init__(self, answer="lock"):
        self.answer, self.calls, self.locks, self.waiting = answer, [], [], []
        self.client = Client("root", listen=False)
        self.bus = self.client.bus
        self.bus.register_object(PATH, Gio.DBusNodeInfo.new_for_xml(SCHEMA).interfaces[0], self.on_call, None, None)
        self.driver("RequestName", "(su)", NAME, 4)

    def driver(self, method, signature, *arguments):
        return self.bus.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
                                  GLib.Variant(signature, arguments), None, Gio.DBusCallFlags.NONE, -1, None)

    def on_call(self, bus, sender, path, interface, method, body, invocation):
        self.calls.append(body.unpack())
        if self.answer == "error":
            invocation.return_dbus_error("org.freedesktop.login1.OperationInProgress", "not now")
        elif self.answer == "nothing":
            self.waiting.append(invocation)
        else:
            self.give(invocation)

    def give(self, invocation):
        readable, writable = os.pipe()
        self.locks.append(readable)
        descriptors = Gio.UnixFDList.new()
        descriptors.append(writable)
        os.close(writable)
        invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (0,)), descriptors)
        self.bus.flush_sync(None)

    def answer_late(self):
        while self.waiting:
            self.give(self.waiting.pop())

    def held(self):
        """Whether somebody makes us wait: the pipe's other end is open."""
        return any(not select.select([lock], [], [], 0)[0] for lock in self.locks)

    def prepare(self, begins):
        self.bus.emit_signal(None, PATH, INTERFACE, "PrepareForSleep", GLib.Variant("(b)", (begins,)))
        self.bus.flush_sync(None)

    def close(self):
        self.client.close()
        for lock in self.locks:
            os.close(lock)


class Case(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi")

    def setUp(self):
        super().setUp()
        if not os.path.exists(harness.PLACE + "/empty.avi"):
            harness.file_of(pictures.recording_without_face(14), "empty.avi")
        self.logind = None
        self.before = len(services.log())

    def tearDown(self):
        if self.logind:
            self.logind.close()
            # likenessd has heard it when it answers something that was asked afterwards
            Client("root").get("State")

    def has_come(self, answer="lock"):
        self.logind = Logind(answer)
        self.assertTrue(spin(lambda: self.logind.calls, 10), "likenessd does not ask")
        if answer == "lock":
            self.assertTrue(spin(self.logind.held, 5))
        return self.logind

    def empty_shop(self):
        shop = services.clip(harness.PLACE + "/empty.avi")
        shop.__enter__()
        self.addCleanup(shop.__exit__, None, None, None)

    def start(self):
        """A check that lasts until somebody ends it."""
        self.empty_shop()
        caller = Client()
        call = caller.start(Request(pictures.portrait(4)))
        self.assertTrue(spin(caller.prompts))
        return call

    def refused(self, call):
        self.assertTrue(spin(call.is_over, 10))
        self.assertIsInstance(call.error, BusError, call.result)
        self.assertEqual(call.error.name, harness.ERROR + "Unavailable", call.error)
        self.assertIn("going to sleep", call.error.message)

    def works(self):
        """The person of the portrait is in front of the camera."""
        self.assertEqual(Client().verify(Request(pictures.portrait(4))).verdict, "match")


class Sleeps(Case):
    def test_what_is_asked(self):
        """Once, not for each check: logind tells everybody whenever it is asked."""
        logind = self.has_come()
        self.works()
        self.works()
        self.assertEqual(len(logind.calls), 1)
        what, who, why, mode = logind.calls[0]
        self.assertEqual((what, who, mode), ("sleep", "likenessd", "delay"))
        self.assertTrue(logind.held())

    def test_there_before_likenessd(self):
        logind = self.has_come()
        services.Daemon()
        self.assertTrue(spin(lambda: len(logind.calls) == 2 and logind.held(), 10))

    def test_idle(self):
        logind = self.has_come()
        logind.prepare(True)
        self.assertTrue(spin(lambda: not logind.held(), 5))
        logind.prepare(False)
        self.assertTrue(spin(logind.held, 5))
        self.assertEqual(len(logind.calls), 2)

    def test_during_a_check(self):
        """When logind may go on, the processes are gone and the closing entry is on disk."""
        logind = self.has_come()
        call = self.start()
        examiner = services.instances(decoder=False)[0]
        os.kill(examiner, signal.SIGSTOP)           # it takes a moment
        logind.prepare(True)
        self.assertTrue(eventually(lambda: not logind.held(), 10))
        self.assertEqual(services.instances(), [])
        self.assertEqual((ledger()[-1]["entry"], ledger()[-1]["cause"]), ("closed", "suspended"))
        self.refused(call)
        logind.prepare(False)
        self.assertTrue(spin(logind.held, 5))

    def test_not_before_it_is_gone(self):
        logind = self.has_come()
        call = self.start()
        # likenessd cannot see what it has asked for: the examiner is ended, but this is not heard yet
        with services.stopped(services.likenessd()):
            logind.prepare(True)
            spin(lambda: False, 0.3)
            self.assertTrue(logind.held())
        self.refused(call)
        self.assertTrue(spin(lambda: not logind.held(), 5))

    def test_nothing_begins_until_it_is_awake(self):
        logind = self.has_come()
        logind.prepare(True)
        self.assertTrue(spin(lambda: not logind.held(), 5))
        before = len(ledger())
        for method in ("Verify", "Begin"):
            self.refused(Client().start(Request(pictures.portrait(4)), method))
        self.assertEqual(ledger()[before:], [])
        logind.prepare(False)
        self.assertTrue(spin(logind.held, 5))
        self.works()

    def test_declining_is_always_possible(self):
        import test_receipts

        logind = self.has_come()
        logind.prepare(True)
        self.assertTrue(spin(lambda: not logind.held(), 5))
        body = GLib.Variant("(a{sv})", ({"cause": GLib.Variant("s", "refused"),
                                         "alternative": GLib.Variant("s", "none")},))
        fields = Call(Client(), harness.PATH, harness.NAME, "Decline", body).wait().unpack()[0]
        self.assertEqual(test_receipts.claims_of(fields["receipt"])["entry"], "declined")

    def test_logind_that_goes_away_asleep(self):
        """Its word that the machine is awake never comes."""
        self.has_come().prepare(True)
        self.assertTrue(spin(lambda: not self.logind.held(), 5))
        self.logind.close()
        self.logind = None
        self.works()

    def test_comes_back(self):
        self.has_come()
        self.logind.close()
        self.logind = None
        self.has_come()


class Without(Case):
    def test_no_logind(self):
        services.Daemon()
        self.works()
        self.works()
        self.assertEqual(services.log()[self.before:].count("cannot be delayed"), 1)

    def test_refuses(self):
        self.has_come("error")
        self.works()
        self.logind.prepare(True)
        call = Client().start(Request(pictures.portrait(4)))
        self.refused(call)

    def test_never_answers(self):
        logind = self.has_come("nothing")
        before = services.descriptors()
        self.works()
        call = self.start()
        logind.prepare(True)
        self.refused(call)

        # too late: whatever comes now is closed
        logind.answer_late()
        self.assertTrue(spin(lambda: logind.locks and not logind.held(), 5))
        logind.answer = "lock"
        logind.prepare(False)
        self.assertTrue(spin(logind.held, 5))
        self.assertLessEqual(services.descriptors(), before + 1)

    def test_answers_late(self):
        logind = self.has_come("nothing")
        call = self.start()
        logind.answer_late()
        self.assertTrue(spin(logind.held, 5))
        logind.prepare(True)
        self.refused(call)
        self.assertTrue(spin(lambda: not logind.held(), 5))


def hostile(scratch):
    return [f"--examiner={harness.build_directory()}/tests/bus/hostile-examiner"]


class Stuck(Case):
    terminal = harness.Terminal(clip="person04-live.avi", prepare=hostile)

    def test_stuck_examiner(self):
        """logind waits for what is left, as long as it pleases; how the check ended is on disk meanwhile."""
        logind = self.has_come()
        harness.file_of(b"stuck-silent\n", "hostile-mode")
        call = Client().start(Request(pictures.portrait(4)))
        self.assertTrue(eventually(lambda: services.instances(program="hostile-examiner"), 5))
        spin(lambda: False, 0.5)
        logind.prepare(True)
        self.assertTrue(spin(call.is_over, 10))
        self.assertIn("examiner-stuck", call.error.message)
        self.assertEqual(ledger()[-1]["cause"], "examiner-stuck")
        self.assertTrue(logind.held())
        for pid in services.instances(program="hostile-examiner"):
            os.kill(pid, signal.SIGKILL)
        self.assertTrue(spin(lambda: not logind.held(), 5))


class Forged(Case):
    """Anybody on the machine may send a signal, to all or to likenessd alone."""

    def forge(self, attacker, name, path, interface, member, body):
        attacker.bus.emit_signal(name, path, interface, member, body)
        attacker.bus.flush_sync(None)

    def unmoved(self, *signal_):
        call = self.start()
        attacker = Client("nobody")
        owner = attacker.bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner",
                                       GLib.Variant("(s)", (harness.NAME,)), None, Gio.DBusCallFlags.NONE, -1,
                                       None).unpack()[0]
        for name in (owner, harness.NAME, None):
            self.forge(attacker, name, *signal_)
        Client("root").get("State")
        spin(lambda: False, 0.5)
        self.assertFalse(call.is_over(), call.error or call.result)
        self.works_for(call)

    def works_for(self, call):
        """Nothing has changed for the caller: the check goes on until it is told to end."""
        os.kill(services.instances(decoder=False)[0], signal.SIGKILL)
        self.assertTrue(spin(call.is_over, 10))
        self.assertIn("did not do its work", call.error.message)

    def test_sleep(self):
        self.has_come()
        self.unmoved(PATH, INTERFACE, "PrepareForSleep", GLib.Variant("(b)", (True,)))

    def test_sleep_without_logind(self):
        self.unmoved(PATH, INTERFACE, "PrepareForSleep", GLib.Variant("(b)", (True,)))

    def test_caller_has_left(self):
        """As the bus would say it of the caller."""
        attacker = Client("nobody")
        call = self.start()
        names = attacker.bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames", None, None,
                                       Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
        for caller in (name for name in names if name.startswith(":")):
            for name in (harness.NAME, None):
                self.forge(attacker, name, "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                           GLib.Variant("(sss)", (caller, caller, "")))
        spin(lambda: False, 0.5)
        self.assertFalse(call.is_over(), call.error or call.result)
        self.works_for(call)


if __name__ == "__main__":
    harness.main()
