#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Who may ask, who is told, and what happens to a check whose caller changes its mind or is gone."""

import json
import os
import signal
import subprocess
import time

import harness
import pictures
import services
from client import BusError, Call, Client, Request, Session, spin
from harness import ERROR, NAME, PATH, PLACE, eventually

from gi.repository import Gio, GLib

RULES = "/etc/polkit-1/rules.d/50-likeness-operators.rules"
POLKIT_SECONDS = 4          # likenessd waits so long for polkit
TOO_MANY = "org.freedesktop.DBus.Error.LimitsExceeded"


def outcome(call):
    """The error, or None."""
    try:
        call.wait()
    except BusError as e:
        return e
    return None


class Case(harness.TestCase):
    """Nobody is in front of the camera, so a check lasts as long as a test needs it."""

    @classmethod
    def setUpClass(cls):
        path = PLACE + "/empty.avi"
        if not os.path.exists(path):
            harness.file_of(pictures.recording_without_face(14), "empty.avi")
        cls.shop = services.clip(path)
        cls.shop.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.shop.__exit__(None, None, None)

    def setUp(self):
        super().setUp()
        self.before = len(services.log())
        self.assertTrue(eventually(lambda: self.state() == "idle", 10), "a check is under way")

    def state(self):
        caller = Client("root", listen=False)
        state = caller.get("State")
        caller.close()
        return state

    def wait_busy(self):
        self.assertTrue(eventually(lambda: self.state() == "busy"))

    def wait_prompt(self, caller):
        self.assertTrue(spin(caller.prompts), "no prompt came")

    def portrait(self):
        return Request(pictures.portrait(1))

    def refused(self, name, call):
        with self.assertRaises(BusError) as caught:
            call.wait()
        self.assertEqual(caught.exception.name, name, caught.exception)

    def works_again(self):
        """At once: a short answer by the whole chain, nothing left of the one before."""
        answer = Client().verify(Request(pictures.encoded(pictures.landscape())))
        self.assertEqual(answer.verdict, "reference-unusable", answer)
        self.assertEqual(services.pictures_open(), [])

    def ended_at_once(self):
        self.assertTrue(eventually(lambda: self.state() == "idle", 3), "the check goes on")
        self.assertTrue(eventually(lambda: not services.instances(), 3), "an examiner is left over")
        self.works_again()


class Authorisation(Case):
    def test_strangers_are_denied(self):
        for user in ("nobody", "likeness", "likeness-examiner", "daemon"):
            for method in ("Verify", "Begin"):
                with self.subTest(user=user, method=method):
                    self.refused(harness.DENIED, Client(user).start(self.portrait(), method))
        self.assertEqual(services.instances(), [])
        self.assertEqual(services.pictures_staying(), [])
        self.assertNotIn("opened", services.log()[self.before:])

    def test_stranger_with_nobody_to_ask(self):
        """Interaction is allowed, but there is no agent."""
        caller, done = Client("nobody"), []
        caller.bus.call(NAME, PATH, NAME, "Verify", self.portrait().body(), None,
                        Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, 60000, None,
                        lambda bus, result: done.append(result))
        self.assertTrue(spin(lambda: done))
        with self.assertRaises(GLib.Error) as caught:
            caller.bus.call_finish(done[0])
        self.assertEqual(Gio.DBusError.get_remote_error(caught.exception), harness.DENIED)

    def test_denied_before_anything_is_said_about_the_request(self):
        self.refused(harness.DENIED, Client("nobody").start(Request(colour="red")))

    def test_rules_hold_at_once(self):
        """Nothing is remembered: a rule that is taken away no longer permits."""
        caller = Client()
        with open(RULES) as file:
            rules = file.read()

        def outcome():
            return getattr(caller.start(Request(colour="red")).outcome(), "name", "verdict")

        self.assertEqual(outcome(), ERROR + "BadRequest")
        os.unlink(RULES)
        try:
            self.assertTrue(eventually(lambda: outcome() == harness.DENIED, 10))
        finally:
            with open(RULES, "w") as file:
                file.write(rules)
        self.assertTrue(eventually(lambda: outcome() == ERROR + "BadRequest", 10))

    def test_properties_are_public_and_read_only(self):
        caller = Client("nobody")
        self.assertEqual(caller.get("Mode"), "pilot")
        self.assertIn("passport", caller.get("Documents"))
        for key in json.loads(caller.get("PublicKey"))["keys"]:
            self.assertEqual(key["kty"], "EC")
            self.assertNotIn("d", key, "that is the private key")
        self.assertTrue(caller.get("Version"))
        body = GLib.Variant("(ssv)", (NAME, "Mode", GLib.Variant("s", "enforce")))
        self.refused(harness.DENIED, Call(Client("root"), PATH, "org.freedesktop.DBus.Properties", "Set", body))
        self.assertEqual(caller.get("Mode"), "pilot")


class Busy(Case):
    def test_one_at_a_time(self):
        """Busy is decided after authorisation: a stranger does not learn that somebody is being checked."""
        first = Client()
        call = first.start(self.portrait())
        self.wait_busy()
        for user in ("clerk", "root"):
            for method in ("Verify", "Begin"):
                self.refused(ERROR + "Busy", Client(user).start(self.portrait(), method))
        self.refused(ERROR + "Busy", first.start(self.portrait()))
        self.refused(harness.DENIED, Client("nobody").start(self.portrait()))
        self.assertFalse(call.is_over(), "the first check was disturbed")
        self.assertEqual(len(services.instances(decoder=False)), 1)
        self.wait_prompt(first)
        Session(first, first.prompts()[0].path).cancel()
        self.refused(ERROR + "Cancelled", call)
        self.ended_at_once()

    def test_many_at_once(self):
        """A hundred calls of one user: 16 may wait for polkit, one of them is served."""
        callers = [Client() for _ in range(4)]
        with services.stopped(services.polkitd()):
            calls = [callers[i % 4].start(self.portrait()) for i in range(100)]
            spin(lambda: sum(call.is_over() for call in calls) >= 84, 3)
            early = [call for call in calls if call.is_over()]
        self.assertEqual([call.error.name for call in early], [TOO_MANY] * 84)
        self.assertTrue(spin(lambda: sum(call.is_over() for call in calls) == 99, 10))
        names = [call.error.name for call in calls if call.is_over() and call not in early]
        self.assertEqual(names, [ERROR + "Busy"] * 15)
        self.assertTrue(eventually(lambda: len(services.instances(decoder=False)) == 1, 10))
        for caller in callers:
            caller.close()
        self.ended_at_once()

    def test_a_flood_keeps_nobody_else_out(self):
        """Over however many connections: the limit is the user's."""
        flood, others = [Client("nobody") for _ in range(10)], [Client(user) for user in ("clerk", "root", "daemon")]
        before = services.descriptors()
        with services.stopped(services.polkitd()):
            calls = [caller.start(self.portrait()) for _ in range(10) for caller in flood]
            spin(lambda: sum(call.is_over() for call in calls) >= 84, 3)
            honest = [caller.start(Request(colour="red")) for caller in others]
            spin(lambda: False, 0.5)
            self.assertEqual(sum(call.is_over() for call in calls), 84)
            self.assertFalse(any(call.is_over() for call in honest), "somebody was kept out")
        names = [getattr(call.outcome(), "name", "answered") for call in honest]
        self.assertEqual(names, [ERROR + "BadRequest", ERROR + "BadRequest", harness.DENIED])
        self.assertEqual({call.outcome().name for call in calls}, {TOO_MANY, harness.DENIED})
        self.assertTrue(eventually(lambda: services.descriptors() <= before, 3), "descriptors are left")
        self.works_again()


class Privacy(Case):
    def test_a_session_is_there_for_its_caller_only(self):
        caller = Client()
        session = caller.begin(self.portrait())
        self.wait_prompt(caller)
        for user in ("clerk", "nobody", "root"):
            other = Session(Client(user), session.path)
            with self.subTest(user=user):
                self.refused(harness.NO_OBJECT, other.call("Cancel"))
                self.refused(harness.NO_OBJECT, other.call("Respond", GLib.Variant("(sa{sv})", ("ready", {}))))
                self.refused(harness.NO_OBJECT, Call(other.client, session.path, "org.freedesktop.DBus.Introspectable",
                                                     "Introspect", None))
                self.refused(harness.NO_OBJECT, Call(other.client, session.path, "org.freedesktop.DBus.Properties",
                                                     "GetAll", GLib.Variant("(s)", (harness.SESSION,))))
                for path in (PATH, PATH + "/session"):
                    text = Call(other.client, path, "org.freedesktop.DBus.Introspectable", "Introspect",
                                None).wait().unpack()[0]
                    self.assertNotIn(session.path.rsplit("/", 1)[1], text)
        self.assertEqual(self.state(), "busy", "somebody else ended it")
        text = Call(caller, session.path, "org.freedesktop.DBus.Introspectable", "Introspect", None).wait().unpack()[0]
        self.assertIn("Cancel", text)
        self.refused(ERROR + "BadRequest", session.call("Respond", GLib.Variant("(sa{sv})", ("ready", {}))))
        session.cancel()
        self.assertEqual(session.finished().fields["error"], ERROR + "Cancelled")
        self.refused(harness.NO_OBJECT, session.call("Cancel"))
        self.ended_at_once()

    def test_paths_do_not_count_customers(self):
        paths = set()
        for _ in range(3):
            caller = Client()
            session = caller.begin(self.portrait())
            paths.add(session.path)
            session.cancel()
            session.finished()
        self.assertEqual(len(paths), 3)
        numbers = sorted(int(path.rsplit("/", 1)[1], 16) for path in paths)
        self.assertGreater(numbers[1] - numbers[0], 1000)

    def test_signals_reach_the_caller_only(self):
        """Others who ask for every signal see none; the bus's own monitor sees each with its destination."""
        listeners = [Client(user) for user in ("clerk", "nobody", "root")]
        for listener in listeners:
            for rule in ("eavesdrop=true", f"type='signal',sender='{NAME}'", f"path_namespace='{PATH}'"):
                try:
                    listener.bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "AddMatch",
                                           GLib.Variant("(s)", (rule,)), None, Gio.DBusCallFlags.NONE, -1, None)
                except GLib.Error:
                    pass        # who may not eavesdrop is refused
        monitor = subprocess.Popen(["busctl", "--address=" + os.environ["DBUS_SYSTEM_BUS_ADDRESS"], "monitor",
                                    "--json=short"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        monitor.stderr.readline()       # "Monitoring bus message stream."

        caller = Client()
        session = caller.begin(self.portrait())
        self.wait_prompt(caller)
        session.cancel()
        session.finished()
        call = caller.start(Request(pictures.encoded(pictures.landscape())))
        call.answer()
        spin(lambda: False, 0.3)
        for listener in listeners:
            self.assertEqual([(s.member, s.path) for s in listener.signals], [])

        monitor.terminate()
        seen = [json.loads(line) for line in monitor.communicate()[0].splitlines()]
        daemon = caller.bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner",
                                      GLib.Variant("(s)", (NAME,)), None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
        signals = [m for m in seen if m.get("type") == "signal" and m.get("sender") == daemon]
        self.assertIn("Prompt", [m["member"] for m in signals])
        self.assertIn("Finished", [m["member"] for m in signals])
        for message in signals:
            self.assertEqual(message.get("destination"), caller.bus.get_unique_name(), message)
        self.assertNotIn("PropertiesChanged", [m.get("member") for m in seen])

    def test_state(self):
        watcher = Client("nobody")
        self.assertEqual(watcher.get("State"), "idle")
        caller = Client()
        session = caller.begin(self.portrait())
        self.assertEqual(watcher.get("State"), "busy")
        session.cancel()
        session.finished()
        self.assertEqual(watcher.get("State"), "idle")
        self.assertEqual(watcher.signals, [])


class Bus(Case):
    """What dbus-daemon lets through, by policy/org.likeness.Verifier1.conf: nothing of this reaches the service."""

    def bus_call(self, caller, member, body):
        return caller.bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", member, body, None,
                                    Gio.DBusCallFlags.NONE, -1, None).unpack()[0]

    def test_nobody_else_can_be_the_service(self):
        """Also not root, nor while the name is free or by waiting for it."""
        for user in ("clerk", "nobody", "root", "likeness-examiner", "likeness-keyring"):
            caller = Client(user)
            for name in (NAME, NAME + ".Session", "org.likeness.Verifier2"):
                for flags in (0, 1, 2, 4, 7):
                    with self.subTest(user=user, name=name, flags=flags), self.assertRaises(GLib.Error) as caught:
                        self.bus_call(caller, "RequestName", GLib.Variant("(su)", (name, flags)))
                    self.assertEqual(Gio.DBusError.get_remote_error(caught.exception), harness.DENIED)
            caller.close()

    def test_what_may_be_sent(self):
        """To the interfaces of the schema, and from the standard ones what only reads."""
        may = {NAME: "Checkpoint", harness.SESSION: "Cancel", "org.freedesktop.DBus.Introspectable": "Introspect",
               "org.freedesktop.DBus.Peer": "Ping"}
        text = GLib.Variant("(ssv)", (NAME, "Mode", GLib.Variant("s", "enforce")))
        may_not = (("org.freedesktop.DBus.Properties", "Set", text),
                   ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects", None),
                   ("org.likeness.Verifier2", "Verify", None), ("org.likeness.Verifier1.Private", "X", None),
                   ("org.freedesktop.DBus", "RequestName", None), ("org.freedesktop.systemd1.Manager", "Exit", None))
        for user in ("clerk", "nobody", "root"):
            caller = Client(user)
            for interface, member, body in may_not:
                with self.subTest(user=user, interface=interface), self.assertRaises(BusError) as caught:
                    Call(caller, PATH, interface, member, body).wait()
                self.assertEqual(caught.exception.name, harness.DENIED)
                self.assertIn("Rejected send message", caught.exception.message, "it was not the bus that refused")
            for interface, member in may.items():
                call = Call(caller, PATH, interface, member, None)
                self.assertNotIn("Rejected send message", getattr(outcome(call), "message", ""), (user, interface))
            caller.close()

    def test_a_call_without_an_interface(self):
        """Would be taken for the first that has the member."""
        caller = Client("nobody")
        message = Gio.DBusMessage.new_method_call(NAME, PATH, None, "Checkpoint")
        reply = caller.bus.send_message_with_reply_sync(message, Gio.DBusSendMessageFlags.NONE, 10000, None)[0]
        self.assertEqual(reply.get_error_name(), harness.DENIED)
        self.assertIn("Rejected send message", reply.get_arg0())
        caller.close()

    def test_nobody_else_can_tell_a_verdict(self):
        """Signals in the service's words are the service's: many clients look at path and interface only."""
        listener = Client("clerk")
        session = listener.begin(self.portrait())
        self.wait_prompt(listener)
        for user in ("nobody", "clerk", "root", "likeness-examiner"):
            forger = Client(user)
            for interface, member, body in ((harness.SESSION, "Finished", GLib.Variant("(sa{sv})", ("match", {}))),
                                            (harness.SESSION, "Prompt", GLib.Variant("(ssa{sv})", ("x", "y", {}))),
                                            (NAME, "Finished", GLib.Variant("(sa{sv})", ("match", {})))):
                for to in (listener.bus.get_unique_name(), None):
                    message = Gio.DBusMessage.new_signal(session.path, interface, member)
                    message.set_body(body)
                    message.set_destination(to)
                    forger.bus.send_message(message, Gio.DBusSendMessageFlags.NONE)
            forger.bus.flush_sync(None)
            forger.close()
        spin(lambda: False, 0.5)
        owner = self.bus_call(listener, "GetNameOwner", GLib.Variant("(s)", (NAME,)))
        self.assertEqual({s.sender for s in listener.signals}, {owner})
        self.assertNotIn("Finished", [s.member for s in listener.signals])
        session.cancel()
        self.assertEqual(session.finished().verdict, "")
        self.ended_at_once()


class Cancel(Case):
    def test_session(self):
        """Finished comes when the processes are gone, and says Cancelled instead of a verdict."""
        caller = Client()
        session = caller.begin(self.portrait())
        self.wait_prompt(caller)
        session.cancel()
        answer = session.finished()
        self.assertEqual(services.instances(), [], "it was told before the examiner was gone")
        self.assertEqual(answer.verdict, "")
        self.assertEqual(answer.types, {"error": "s", "message": "s", "support-code": "s"})
        self.assertEqual(answer.fields["error"], ERROR + "Cancelled")
        self.assertTrue(answer.fields["message"])
        self.ended_at_once()

    def test_at_any_moment(self):
        for moment in [0.0] + services.random_moments(8, 1.0, seed=1):
            with self.subTest(moment=moment):
                caller = Client()
                session = caller.begin(self.portrait())
                spin(lambda: False, moment)
                session.cancel()
                self.assertEqual(session.finished(3).fields["error"], ERROR + "Cancelled")
                self.ended_at_once()

    def test_twice(self):
        caller = Client()
        session = caller.begin(self.portrait())
        self.wait_prompt(caller)
        calls = [session.call("Cancel") for _ in range(5)]
        self.assertEqual(session.finished(3).fields["error"], ERROR + "Cancelled")
        spin(lambda: all(call.is_over() for call in calls))
        self.assertIsNone(calls[0].error)
        self.ended_at_once()


class Gone(Case):
    """The caller leaves the bus."""

    def start_program(self):
        clerk = services.identity("clerk")
        return subprocess.Popen(["likenessctl", "verify", "--reference", harness.data("person01-portrait.jpg"),
                                 "--document", "passport", "--challenge", "none"], user=clerk, group=clerk,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_killed_at_any_moment(self):
        for moment in [0.0] + services.random_moments(10, 1.2, seed=2):
            with self.subTest(moment=moment):
                program = self.start_program()
                time.sleep(moment)
                program.kill()
                program.wait()
                self.ended_at_once()

    def test_killed_before_polkit_answers(self):
        with services.stopped(services.polkitd()):
            program = self.start_program()
            time.sleep(0.5)
            program.kill()
            program.wait()
        self.ended_at_once()
        self.assertEqual(services.log()[self.before:].count("opened"), 1, "a check was begun for nobody")

    def test_connection_closed(self):
        for method in ("Verify", "Begin"):
            caller = Client()
            caller.start(self.portrait(), method)
            self.wait_prompt(caller)
            caller.close()
            self.ended_at_once()
        self.assertIn("caller-gone", services.log()[self.before:])


class Polkit(Case):
    """Last of all, as it kills polkitd. Whatever is wrong with it, nobody gets in."""

    def denied(self, call, seconds):
        self.refused(harness.DENIED, call)
        self.assertLess(call.ended - call.began, seconds)
        self.assertEqual(services.instances(), [])
        self.assertEqual(services.pictures_staying(), [])
        self.assertNotIn("opened", services.log()[self.before:])

    def test_stopped(self):
        with services.stopped(services.polkitd()):
            call = Client("root").start(self.portrait())
            self.denied(call, POLKIT_SECONDS + 1)
            self.assertGreater(call.ended - call.began, POLKIT_SECONDS - 1)
        spin(lambda: False, 0.5)
        self.assertEqual(self.state(), "idle", "an answer that came too late was taken")
        self.works_again()

    def test_z_killed_while_asked(self):
        pid = services.polkitd()
        os.kill(pid, signal.SIGSTOP)
        call = Client().start(self.portrait())
        spin(lambda: False, 0.3)
        self.assertFalse(call.is_over())
        os.kill(pid, signal.SIGKILL)
        self.denied(call, POLKIT_SECONDS)
        self.denied(Client("root").start(self.portrait()), POLKIT_SECONDS)
        services.start_polkitd()
        self.works_again()


if __name__ == "__main__":
    harness.main()
