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
    "Begin": "verify", "Verify": "verify", "GetResult": "verify",
    "Checkpoint": "ledger", "ExportLedger": "ledger", "RotateKey": "manage",
    "ReloadConfiguration": "manage",
    "Respond": "session", "Cancel": "session",
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
