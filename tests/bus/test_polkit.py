#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""The actions as the real polkitd knows them, yes and no and a password for each, with a real password agent on a
terminal of its own; and polkitds that are not what they should be."""

import contextlib
import os
import pty
import pwd
import select
import signal
import subprocess
import time

import harness
import services
from client import BusError, Call, Client, spin
from harness import DENIED, ERROR, NAME, PATH, PLACE, eventually

from gi.repository import Gio, GLib

ACTIONS = "org.likeness.verifier1."
RULES_DIRECTORY = "/etc/polkit-1/rules.d/"
POLKIT = "org.freedesktop.PolicyKit1"
AUTHORITY = "/org/freedesktop/PolicyKit1/Authority"
POLKIT_USER = "polkitd"            # who may own that name, besides root
PASSWORD = "correct horse"
BOSS = "boss"                      # the administrator, who has a password

# What each action answers without any rule: to anybody, to an inactive and to an active local session.
ADMINISTRATOR = 2                  # polkit's number for auth_admin
YES = 5
DEFAULTS = {
    "verify": (ADMINISTRATOR, ADMINISTRATOR, YES),
    "decline": (ADMINISTRATOR, ADMINISTRATOR, YES),
    "diagnose": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "ledger": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
    "manage": (ADMINISTRATOR, ADMINISTRATOR, ADMINISTRATOR),
}

# A method for each action that has one, and how its answer looks when it was let in. Nothing is changed by it.
ASKED = {
    "verify": ("GetResult", GLib.Variant("(s)", ("x" * 24,)), ERROR + "BadRequest"),
    "decline": ("Decline", GLib.Variant("(a{sv})", ({"colour": GLib.Variant("s", "red")},)), ERROR + "BadRequest"),
    "ledger": ("Checkpoint", None, "answered"),
    "manage": ("ReloadConfiguration", None, "answered"),
}


# The same for busctl.
TYPED = {
    "verify": ("GetResult", ["s", "x" * 24]),
    "decline": ("Decline", ["a{sv}", "1", "colour", "s", "red"]),
    "ledger": ("Checkpoint", []),
    "manage": ("ReloadConfiguration", []),
}


@contextlib.contextmanager
def rule(text, name="10-test.rules"):
    path = RULES_DIRECTORY + name
    with open(path, "w") as file:
        file.write(text)
    try:
        yield
    finally:
        os.unlink(path)


@contextlib.contextmanager
def without_rules():
    kept = {}
    for name in os.listdir(RULES_DIRECTORY):
        with open(RULES_DIRECTORY + name) as file:
            kept[name] = file.read()
        os.unlink(RULES_DIRECTORY + name)
    try:
        yield
    finally:
        for name, text in kept.items():
            with open(RULES_DIRECTORY + name, "w") as file:
                file.write(text)


@contextlib.contextmanager
def without_rules_but_the_administrators():
    name = RULES_DIRECTORY + "50-likeness-operators.rules"
    with open(name) as file:
        text = file.read()
    os.unlink(name)
    time.sleep(1)
    try:
        yield
    finally:
        with open(name, "w") as file:
            file.write(text)
        time.sleep(1)


def add_administrator():
    """A user with a password, for this terminal only, whom polkit takes for its administrator."""
    crypted = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, text=True, check=True,
                             capture_output=True).stdout.strip()
    number = next(n for n in range(2000, 3000) if not any(n in (e.pw_uid, e.pw_gid) for e in pwd.getpwall()))
    for name, line in (("passwd", f"{BOSS}:x:{number}:{number}:Administrator:/run:/bin/sh"),
                       ("group", f"{BOSS}:x:{number}:")):
        with open(f"{PLACE}/{name}", "a") as file:
            file.write(line + "\n")
    with open(PLACE + "/shadow", "w") as file:
        file.write(f"root:*:19000:0:99999:7:::\n{BOSS}:{crypted}:19000:0:99999:7:::\n")
    os.chmod(PLACE + "/shadow", 0o600)
    services.mount(PLACE + "/shadow", "/etc/shadow")
    with open(RULES_DIRECTORY + "40-administrator.rules", "w") as file:
        file.write(f'polkit.addAdminRule(function(action, subject) {{ return ["unix-user:{BOSS}"]; }});\n')
    # polkitd reads its rules when it sees the directory change
    time.sleep(1)


def ask(client, action, interactive=False):
    """The call that needs `action`; .outcome() names the error, or is "answered"."""
    method, body, _ = ASKED[action]
    call = Call.__new__(Call)
    call.result = call.error = call.ended = None
    call.began = time.monotonic()
    flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else Gio.DBusCallFlags.NONE
    client.bus.call_with_unix_fd_list(NAME, PATH, NAME, method, body, None, flags, 180000, None, None, call.on_reply)
    return call


def outcome(call, seconds=harness.PATIENCE):
    try:
        call.wait(seconds)
        return "answered"
    except BusError as e:
        return e.name


class Asker:
    """A program of a user's that makes one call, with busctl, and pkttyagent for it on a terminal of its own: what the
    agent shows, and a way to type."""

    def __init__(self, action, interactive=True, user="clerk"):
        self.shown = b""
        method, arguments = TYPED[action]
        words = ["busctl", "--address=" + os.environ["DBUS_SYSTEM_BUS_ADDRESS"], "--timeout=180",
                 f"--allow-interactive-authorization={'yes' if interactive else 'no'}", "call", NAME, PATH, NAME,
                 method, *arguments]
        entry = pwd.getpwnam(user)
        # the process waits until there is an agent for it
        self.program = subprocess.Popen(["sh", "-c", 'read go; exec "$@"', "sh", *words], user=entry.pw_uid,
                                        group=entry.pw_gid, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.start_agent(entry)

    def start_agent(self, entry):
        told, telling = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.set_inheritable(telling, True)
            os.initgroups(entry.pw_name, entry.pw_gid)
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            os.execvp("pkttyagent", ["pkttyagent", "--notify-fd", str(telling), "--process", str(self.program.pid)])
        os.close(telling)
        told_it = select.select([told], [], [], 20)[0]
        os.close(told)
        assert told_it and "Error" not in self.read(), "the agent does not start: " + self.read()

    def call(self):
        self.program.stdin.write("go\n")
        self.program.stdin.flush()

    def outcome(self):
        """"denied", "answered" or what else was said; None while there is no answer."""
        if self.program.poll() is None:
            return None
        said = self.program.stdout.read()
        if self.program.returncode == 0:
            return "answered"
        return "denied" if "Access denied" in said else said

    def wait_outcome(self):
        self.program.wait(harness.PATIENCE)
        return self.outcome()

    def read(self):
        with contextlib.suppress(OSError):
            while select.select([self.fd], [], [], 0)[0]:
                got = os.read(self.fd, 4096)
                if not got:
                    break
                self.shown += got
        return self.shown.decode(errors="replace")

    def wait_for(self, text, seconds=30):
        if not spin(lambda: text in self.read(), seconds):
            raise AssertionError(f"the agent does not show {text!r}, but: {self.read()}")

    def asks(self):
        self.wait_for("assword:")

    def type(self, text):
        time.sleep(0.3)             # the helper throws away what was typed before it asked
        os.write(self.fd, text.encode() + b"\n")

    def end(self):
        self.program.kill()
        self.program.wait()
        services.signal_process(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Case(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.before = len(services.log())

    def connect(self, user):
        caller = Client(user)
        self.addCleanup(caller.close)
        return caller

    def expect(self, user, action, expected, seconds=10):
        """polkitd takes a moment to see a changed rule."""
        caller = self.connect(user)
        seen = []
        eventually(lambda: seen.append(outcome(ask(caller, action))) or seen[-1] == expected, seconds)
        self.assertEqual(seen[-1], expected, f"{user} {action}")


class Actions(Case):
    def described(self, locale):
        reply = self.connect("root").bus.call_sync(POLKIT, AUTHORITY, POLKIT + ".Authority", "EnumerateActions",
                                                   GLib.Variant("(s)", (locale,)), None, Gio.DBusCallFlags.NONE, -1,
                                                   None).unpack()[0]
        return {action[0].removeprefix(ACTIONS): action for action in reply if action[0].startswith(ACTIONS)}

    def test_there_are_these_and_no_others(self):
        self.assertEqual(set(self.described("en_US.UTF-8")), set(DEFAULTS))

    def test_defaults(self):
        for name, action in self.described("en_US.UTF-8").items():
            self.assertEqual(action[6:9], DEFAULTS[name], name)

    def test_owner(self):
        """Without it polkitd would refuse likenessd, which is not root, every answer about others."""
        for name, action in self.described("en_US.UTF-8").items():
            self.assertEqual(action[9].get(POLKIT.lower().removesuffix("1") + ".owner",
                                           action[9].get("org.freedesktop.policykit.owner")),
                             "unix-user:likeness", name)

    def test_words(self):
        english, korean = self.described("en_US.UTF-8"), self.described("ko_KR.UTF-8")
        for name in DEFAULTS:
            for i, what in ((1, "description"), (2, "message")):
                with self.subTest(action=name, what=what):
                    self.assertTrue(english[name][i].isascii() and len(english[name][i]) > 20, english[name][i])
                    self.assertTrue(any("\uac00" <= c <= "\ud7a3" for c in korean[name][i]), korean[name][i])
        for words in (english, korean):
            self.assertEqual(len({action[2] for action in words.values()}), len(DEFAULTS), "two ask for the same")


class Rules(Case):
    """Who is let in, by the example rule and by none; each change while the service runs."""

    def test_the_example_rule(self):
        for user, verify, ledger in (("clerk", ERROR + "BadRequest", DENIED), ("nobody", DENIED, DENIED),
                                     ("daemon", DENIED, DENIED), ("root", ERROR + "BadRequest", "answered")):
            self.expect(user, "verify", verify, seconds=0)
            self.expect(user, "decline", verify, seconds=0)
            self.expect(user, "ledger", ledger, seconds=0)
            self.expect(user, "manage", ledger, seconds=0)

    def test_in_the_group_and_out_of_it(self):
        with open(PLACE + "/group") as file:
            groups = file.read()
        out = "\n".join(line.removesuffix("clerk") if line.startswith("likeness-operators:") else line
                        for line in groups.split("\n"))
        self.assertNotEqual(out, groups)
        self.expect("clerk", "verify", ERROR + "BadRequest")
        try:
            with open(PLACE + "/group", "w") as file:
                file.write(out)
            self.expect("clerk", "verify", DENIED)
        finally:
            with open(PLACE + "/group", "w") as file:
                file.write(groups)
        self.expect("clerk", "verify", ERROR + "BadRequest")

    def test_without_a_rule_an_administrator_is_needed(self):
        with without_rules():
            self.expect("clerk", "verify", DENIED)
            caller = self.connect("clerk")
            call = ask(caller, "verify")
            self.assertEqual(outcome(call), DENIED)
            self.assertIn("administrator's password", call.error.message)
        self.expect("clerk", "verify", ERROR + "BadRequest")

    def test_nothing_outlives_its_call(self):
        """A rule that is there for one call, on one connection."""
        caller = self.connect("nobody")
        for _ in range(2):
            self.assertEqual(outcome(ask(caller, "ledger")), DENIED)
            with rule('polkit.addRule(function(a, s) { if (a.id == "org.likeness.verifier1.ledger") return "yes"; });'):
                self.assertTrue(eventually(lambda: outcome(ask(caller, "ledger")) == "answered", 10))
            self.assertTrue(eventually(lambda: outcome(ask(caller, "ledger")) == DENIED, 10))

    def test_a_refusal_wins(self):
        with rule('polkit.addRule(function(a, s) { if (a.id.indexOf("org.likeness.") == 0) return "no"; });'):
            self.expect("clerk", "verify", DENIED)
            self.expect("root", "ledger", "answered")       # polkit never asks about root
        self.expect("clerk", "verify", ERROR + "BadRequest")

    def test_a_rule_with_a_mistake_lets_nobody_in(self):
        with rule('polkit.addRule(function(a, s) { throw new Error("oops"); });'):
            time.sleep(1)
            self.expect("nobody", "verify", DENIED)
            self.expect("nobody", "ledger", DENIED)
        self.expect("clerk", "verify", ERROR + "BadRequest")


class Password(Case):
    """An administrator's password, typed on a terminal."""

    @classmethod
    def setUpClass(cls):
        add_administrator()

    def asker(self, *arguments, **more):
        asker = Asker(*arguments, **more)
        self.addCleanup(asker.end)
        asker.call()
        return asker

    def test_the_right_one_lets_in_once(self):
        with without_rules_but_the_administrators():
            for action, expected in (("verify", "no check was asked for"), ("decline", "colour"),
                                     ("ledger", "answered"), ("manage", "answered")):
                asker = self.asker(action)
                asker.asks()
                self.assertIn(f"org.likeness.verifier1.{action}", asker.read())
                self.assertIn(BOSS, asker.read())
                self.assertIsNone(asker.outcome(), "it was let in before")
                asker.type(PASSWORD)
                self.assertIn(expected, asker.wait_outcome())
                asker.wait_for("AUTHENTICATION COMPLETE")
                self.expect("clerk", action, DENIED, seconds=0)     # nothing is remembered

    def test_a_wrong_one_does_not(self):
        asker = self.asker("ledger")
        asker.asks()
        asker.type("wrong")
        self.assertEqual(asker.wait_outcome(), "denied")

    def test_nobody_is_asked_unless_the_call_allows_it(self):
        asker = self.asker("ledger", interactive=False)
        self.assertEqual(asker.wait_outcome(), "denied")
        spin(lambda: False, 0.5)
        self.assertNotIn("AUTHENTICAT", asker.read())

    def test_nobody_is_asked_where_no_password_is_needed(self):
        asker = self.asker("verify")
        self.assertIn("no check was asked for", asker.wait_outcome())
        self.assertNotIn("AUTHENTICAT", asker.read())

    def test_others_are_served_while_somebody_types(self):
        asker = self.asker("ledger")
        asker.asks()
        self.expect("root", "ledger", "answered", seconds=0)
        self.assertIsNone(asker.outcome())
        asker.type(PASSWORD)
        self.assertEqual(asker.wait_outcome(), "answered")

    def test_the_question_goes_with_its_caller(self):
        """polkitd tells the agent to stop asking (which a dialog does; a terminal is waited for), and the right
        password opens nothing then."""
        before = services.descriptors()
        asker = self.asker("ledger")
        asker.asks()
        with subprocess.Popen(["busctl", "--address=" + os.environ["DBUS_SYSTEM_BUS_ADDRESS"], "monitor",
                               "--json=short"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as monitor:
            monitor.stderr.readline()           # "Monitoring bus message stream."
            asker.program.kill()
            asker.program.wait()
            spin(lambda: False, 1)
            monitor.terminate()
            self.assertIn('"member":"CancelAuthentication"', monitor.stdout.read())
        asker.type(PASSWORD)
        asker.wait_for("AUTHENTICATION FAILED")
        self.assertTrue(eventually(lambda: services.descriptors() <= before, 3))
        self.expect("clerk", "ledger", DENIED, seconds=0)


class FakePolkit:
    """In polkitd's place: answers what the test wants, by messages made by hand."""

    def __init__(self):
        self.client = Client(POLKIT_USER, listen=False)
        self.asked, self.cancelled = [], []         # messages, ids
        self.answer = lambda message: None
        bus = self.client.bus
        self.filter = bus.add_filter(self.on_message)
        reply = bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName",
                              GLib.Variant("(su)", (POLKIT, 4)), None, Gio.DBusCallFlags.NONE, -1, None)
        assert reply.unpack()[0] == 1, "polkit's name is taken"

    def on_message(self, bus, message, incoming):
        if incoming and message.get_message_type() == Gio.DBusMessageType.METHOD_CALL:
            member = message.get_member()
            if member == "CheckAuthorization":
                self.asked.append(message)
                self.answer(message)
                return None
            if member == "CancelCheckAuthorization":
                self.cancelled.append(message.get_body().unpack()[0])
                return None
        return message

    def reply(self, message, body):
        answer = message.new_method_reply()
        if body is not None:
            answer.set_body(body)
        self.client.bus.send_message(answer, Gio.DBusSendMessageFlags.NONE)

    def error(self, message, name):
        self.client.bus.send_message(message.new_method_error_literal(name, "no"), Gio.DBusSendMessageFlags.NONE)

    def end(self):
        self.client.bus.remove_filter(self.filter)
        self.client.close()


class Strange(Case):
    """Last, as it ends the real polkitd. Whatever is in its place, a no is a no and a strange yes is one, too."""

    @classmethod
    def setUpClass(cls):
        os.kill(services.polkitd(), signal.SIGKILL)
        root = Client("root", listen=False)
        assert eventually(lambda: not root.owner(POLKIT), 10)
        root.close()
        cls.polkit = FakePolkit()

    @classmethod
    def tearDownClass(cls):
        cls.polkit.end()
        services.start_polkitd()

    def setUp(self):
        super().setUp()
        self.polkit.asked.clear()
        self.polkit.cancelled.clear()
        self.caller = self.connect("root")

    def identifier(self, i=-1):
        return self.polkit.asked[i].get_body().unpack()[4]

    def test_what_is_asked(self):
        self.polkit.answer = lambda m: self.polkit.reply(m, GLib.Variant("((bba{ss}))", ((True, False, {}),)))
        caller = self.connect("clerk")
        self.assertEqual(outcome(ask(caller, "ledger")), "answered")
        subject, action, details, flags, identifier = self.polkit.asked[-1].get_body().unpack()
        self.assertEqual(subject, ("system-bus-name", {"name": caller.bus.get_unique_name()}))
        self.assertEqual((action, details, flags), (ACTIONS + "ledger", {}, 0))
        self.assertTrue(identifier)
        self.assertEqual(outcome(ask(caller, "ledger", interactive=True)), "answered")
        self.assertEqual(self.polkit.asked[-1].get_body().unpack()[3], 0, "a yes needs no person")
        self.assertEqual(len({m.get_body().unpack()[4] for m in self.polkit.asked}), 2)
        self.assertEqual(self.polkit.cancelled, [])

    def test_a_person_is_asked_only_if_it_helps_and_is_allowed(self):
        for authorized, challenge, interactive, flags in ((False, True, True, [0, 1]), (False, True, False, [0]),
                                                          (False, False, True, [0]), (False, False, False, [0])):
            self.polkit.asked.clear()
            self.polkit.answer = lambda m: self.polkit.reply(
                m, GLib.Variant("((bba{ss}))", ((authorized, challenge, {}),)))
            self.assertEqual(outcome(ask(self.caller, "ledger", interactive=interactive)), DENIED)
            self.assertEqual([m.get_body().unpack()[3] for m in self.polkit.asked], flags)

    def test_garbage(self):
        answers = [None] + [GLib.Variant.parse(None, text, None, None) for text in (
            "(true,)", "(true, true)", "('yes',)", "(1,)", "((true,),)", "((true, false),)",
            "((true, false, {'a': <'b'>}),)", "((1, 0, @a{ss} {}),)", "((true, false, @a{ss} {}), 1)",
            "(<(true, false, @a{ss} {})>,)", "([(true, false, @a{ss} {})],)", "((true, false, @a{ss} {}, 'x'),)")]
        for body in answers:
            with self.subTest(body=body and body.print_(True)):
                self.polkit.answer = lambda m: self.polkit.reply(m, body)
                self.assertEqual(outcome(ask(self.caller, "ledger"), 5), DENIED)

    def test_errors(self):
        for name in ("org.freedesktop.PolicyKit1.Error.Failed", "org.freedesktop.PolicyKit1.Error.NotAuthorized",
                     "org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.ServiceUnknown",
                     "org.freedesktop.DBus.Error.NoReply", "org.example.Yes"):
            with self.subTest(name=name):
                self.polkit.answer = lambda m: self.polkit.error(m, name)
                self.assertEqual(outcome(ask(self.caller, "ledger"), 5), DENIED)
                self.assertEqual(outcome(ask(self.caller, "ledger", interactive=True), 5), DENIED)

    def test_a_yes_that_comes_too_late(self):
        """The caller was told no; the question was taken back; the answer to it is nothing any more."""
        self.polkit.answer = lambda m: None
        for interactive in (False, True):
            self.polkit.asked.clear()
            self.polkit.cancelled.clear()
            call = ask(self.caller, "ledger", interactive)
            self.assertEqual(outcome(call, 6), DENIED)
            self.assertLess(call.ended - call.began, 5)
            self.assertTrue(spin(lambda: self.polkit.cancelled, 3))
            self.assertEqual(self.polkit.cancelled, [self.identifier()])
            self.polkit.reply(self.polkit.asked[-1], GLib.Variant("((bba{ss}))", ((True, False, {}),)))
            spin(lambda: False, 0.3)
            self.assertTrue(services.likenessd())

    def test_twice_yes(self):
        def answer(m):
            for _ in range(3):
                self.polkit.reply(m, GLib.Variant("((bba{ss}))", ((True, False, {}),)))
        self.polkit.answer = answer
        self.assertEqual(outcome(ask(self.caller, "ledger")), "answered")
        self.assertEqual(outcome(ask(self.caller, "ledger")), "answered")

    def test_somebody_elses_yes(self):
        """An answer from another than who was asked; the bus does not let it through, and nobody is let in."""
        self.polkit.answer = lambda m: None
        stranger = self.connect("nobody")
        call = ask(self.caller, "ledger")
        self.assertTrue(spin(lambda: self.polkit.asked, 3))
        forged = self.polkit.asked[-1].new_method_reply()
        forged.set_body(GLib.Variant("((bba{ss}))", ((True, False, {}),)))
        with contextlib.suppress(GLib.Error):
            stranger.bus.send_message(forged, Gio.DBusSendMessageFlags.NONE)
        self.assertEqual(outcome(call, 6), DENIED)

    def test_callers_that_are_gone_take_their_questions_with_them(self):
        """Also those that wait for a person to type."""
        self.polkit.answer = lambda m: m.get_body().unpack()[3] == 0 and self.polkit.reply(
            m, GLib.Variant("((bba{ss}))", ((False, True, {}),)))
        before = services.descriptors()
        for _ in range(3):
            self.polkit.asked.clear()
            self.polkit.cancelled.clear()
            callers = [Client(user) for user in ("clerk", "root", "nobody") for _ in range(5)]
            for caller in callers:
                ask(caller, "ledger", interactive=True)
            self.assertTrue(spin(lambda: len(self.polkit.asked) == 30, 5))
            waiting = {m.get_body().unpack()[4] for m in self.polkit.asked if m.get_body().unpack()[3] == 1}
            for caller in callers:
                caller.close()
            self.assertTrue(spin(lambda: len(self.polkit.cancelled) == 15, 5), len(self.polkit.cancelled))
            self.assertEqual(set(self.polkit.cancelled), waiting)
        self.assertLessEqual(services.descriptors(), before)

    def test_z_gone_while_asked(self):
        """Its connection ends; then there is none at all."""
        self.polkit.answer = lambda m: None
        calls = [ask(self.caller, "ledger", interactive) for interactive in (False, True)]
        self.assertTrue(spin(lambda: len(self.polkit.asked) == 2, 3))
        self.polkit.end()
        for call in calls:
            self.assertEqual(outcome(call, 5), DENIED)
        for interactive in (False, True):
            call = ask(self.caller, "ledger", interactive)
            self.assertEqual(outcome(call, 5), DENIED)
        type(self).polkit = FakePolkit()


if __name__ == "__main__":
    harness.main()
