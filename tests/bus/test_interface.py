#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""schemas/org.likeness.Verifier1.xml says what the service offers: no member more, none less, none with another
signature; and every member has its rule."""

import os
import re
import xml.etree.ElementTree as xml

import harness

try:
    from gi.repository import GLib

    import client
    import pictures
except ImportError:
    pass                            # outside, where nothing of this is used

# Who may call a method: the polkit action of the gate, or the session's own callers.
RULES = {
    "Begin": "verify", "Verify": "verify", "GetResult": "verify", "Decline": "decline",
    "ListCameras": "verify", "Checkpoint": "ledger", "ExportLedger": "ledger", "RotateKey": "manage",
    "ReloadConfiguration": "manage",
    "Respond": "session", "Cancel": "session",
}

# Properties are read without being asked who reads, so each says why everybody may know it. None may come from a
# customer; State is the one that changes with one, and says no more than that the terminal is in use.
PUBLIC = {
    "Version": "the release",
    "Terminal": "the terminal's name, of its configuration",
    "Mode": "of the configuration",
    "Documents": "of the configuration",
    "PublicKey": "public keys",
    "KeyProtection": "how the terminal was set up",
    "Models": "the manifest",
    "State": "idle or busy; never broadcast",
    "Problems": "the terminal's, of a closed list; never broadcast",
}


def members(node, interface):
    """{(kind, name): (in, out)} of one interface of an introspection document."""
    found = {}
    element = next(i for i in node.iter("interface") if i.get("name") == interface)
    for member in element:
        if member.tag == "property":
            found["property", member.get("name")] = (member.get("type"), member.get("access"))
        elif member.tag in ("method", "signal"):
            ways = {"in": "", "out": ""}
            for arg in member.findall("arg"):
                ways[arg.get("direction", "in" if member.tag == "method" else "out")] += arg.get("type")
            found[member.tag, member.get("name")] = (ways["in"], ways["out"])
    return found


def described(interface):
    return members(xml.parse(harness.source_directory() + "/schemas/org.likeness.Verifier1.xml"), interface)


def words(table):
    """The words of one closed list, from the C source."""
    with open(harness.source_directory() + "/daemon/common/vocabulary.c") as file:
        body = file.read().split(f"{table}_table[")[1].split("};")[0]
    return re.findall(r'= "([a-z-]+)"', body)


def error_names():
    with open(harness.source_directory() + "/daemon/likenessd/errors.h") as file:
        return re.findall(r'LIKENESS_ERROR\("(\w+)"\)', file.read())


class Documentation(harness.TestCase):
    def test_every_word_has_its_page(self):
        wanted = words("verdict") + words("reason") + ["error-" + name for name in error_names()]
        pages = os.listdir(harness.source_directory() + "/docs/answers")
        self.assertEqual(sorted(wanted), sorted(p.removesuffix(".md") for p in pages if p != "README.md"))
        self.assertGreater(len(wanted), 40)
        for word in wanted:
            with open(f"{harness.source_directory()}/docs/answers/{word}.md") as file:
                text = file.read()
            self.assertIn("What to do", text)
            self.assertIn(word.removeprefix("error-"), text.splitlines()[1])


class Interface(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.clerk = client.Client("clerk")
        self.addCleanup(self.clerk.close)

    def offered(self, path, interface):
        text = client.Call(self.clerk, path, "org.freedesktop.DBus.Introspectable", "Introspect", None).wait()
        return members(xml.fromstring(text.unpack()[0]), interface)

    def test_the_service_is_what_the_schema_says(self):
        self.assertEqual(self.offered(harness.PATH, harness.NAME), described(harness.NAME))

    def test_a_session_is_what_the_schema_says(self):
        session = self.clerk.begin(client.Request(pictures.portrait("01")))
        self.assertEqual(self.offered(session.path, harness.SESSION), described(harness.SESSION))
        session.cancel()
        session.finished()

    def test_every_method_passes_the_gate(self):
        methods = [(name, ways[0]) for (kind, name), ways in self.offered(harness.PATH, harness.NAME).items()
                   if kind == "method"]
        self.assertEqual({name for name, _ in methods},
                         {name for name, rule in RULES.items() if rule != "session"}, "a method has no rule")
        nobody = client.Client("nobody")
        self.addCleanup(nobody.close)
        for name, signature in methods:
            values = {"a{sv}": "@a{sv} {}", "s": "'" + "x" * 24 + "'", "th": None, "": None}[signature]
            if signature == "th":
                from gi.repository import Gio
                descriptors = Gio.UnixFDList.new()
                with open("/dev/null", "rb") as file:
                    body = GLib.Variant("(th)", (0, descriptors.append(file.fileno())))
                call = client.Call(nobody, harness.PATH, harness.NAME, name, body, descriptors)
            else:
                body = GLib.Variant.parse(None, f"({values},)", None, None) if values else None
                call = client.Call(nobody, harness.PATH, harness.NAME, name, body)
            self.assertEqual(getattr(call.outcome(), "name", "answered"), harness.DENIED, name)

    def test_every_method_of_a_session_is_its_callers(self):
        """For everybody else there is no such object, whatever the gate would say to him."""
        session = self.clerk.begin(client.Request(pictures.portrait("01")))
        methods = [(name, ways[0]) for (kind, name), ways in self.offered(session.path, harness.SESSION).items()
                   if kind == "method"]
        self.assertEqual({name for name, _ in methods},
                         {name for name, rule in RULES.items() if rule == "session"}, "a method has no rule")
        self.assertFalse([name for kind, name in self.offered(session.path, harness.SESSION) if kind == "property"],
                         "a session has a property: who may read it?")
        for user in ("nobody", "clerk", "root"):
            other = client.Client(user)
            self.addCleanup(other.close)
            for name, signature in methods:
                body = GLib.Variant("(sa{sv})", ("ready", {})) if signature else None
                call = client.Call(other, session.path, harness.SESSION, name, body)
                self.assertEqual(getattr(call.outcome(), "name", "answered"), harness.NO_OBJECT, (user, name))
        session.cancel()
        session.finished()

    def test_what_everybody_may_read_is_listed(self):
        offered = {name for kind, name in self.offered(harness.PATH, harness.NAME) if kind == "property"}
        self.assertEqual(offered, set(PUBLIC), "a property is public and nobody said why it may be")

    def test_properties_tell_nothing_of_a_customer(self):
        """Before, while and after somebody is checked: the same, but for State."""
        nobody = client.Client("nobody")
        self.addCleanup(nobody.close)

        def public():
            return {name: nobody.get(name) for name in PUBLIC}

        before = public()
        portrait = pictures.portrait("01")
        session = self.clerk.begin(client.Request(portrait, nonce="n" * 32, transaction="tx-11", operator="op-22"))
        during = public()
        answer = session.finished()
        after = public()
        self.assertEqual(before, {**during, "State": "idle"})
        self.assertEqual(during["State"], "busy")
        self.assertEqual(before, after)
        text = str(during) + str(after)
        for word in ("n" * 32, "tx-11", "op-22", answer.fields["support-code"], session.path.rsplit("/", 1)[1]):
            self.assertNotIn(word, text)
        self.assertFalse([s for s in nobody.signals], "something was broadcast")

    def test_every_property_can_be_read_and_none_be_set(self):
        for kind, name in self.offered(harness.PATH, harness.NAME):
            if kind != "property":
                continue
            self.clerk.get(name)
            body = GLib.Variant("(ssv)", (harness.NAME, name, GLib.Variant("s", "x")))
            with self.assertRaises(client.BusError):
                client.Call(self.clerk, harness.PATH, "org.freedesktop.DBus.Properties", "Set", body).wait()


if __name__ == "__main__":
    harness.main()
