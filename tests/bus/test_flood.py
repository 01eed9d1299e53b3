#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A thousand malformed requests, a hundred callers at once, callers that come and go: the memory stays, no descriptor is
left, and the next honest call works."""

import os
import random
import string

import harness

try:
    from gi.repository import GLib

    import client
    import pictures
    import services
except ImportError:
    pass                            # outside, where nothing of this is used

KEYS = ("document", "reference", "nonce", "transaction", "operator", "notice", "locale", "challenge", "pace", "preview",
        "document-binding", "", "x" * 300)
WORST_KIB = 1024                    # what the allocator may keep of a thousand messages


def malformed(source):
    """A request that is wrong somewhere; what is wrong is left to chance."""
    text = lambda: "".join(source.choice(string.printable) for _ in range(source.randrange(200)))
    values = (lambda: GLib.Variant("s", text()), lambda: GLib.Variant("i", -source.randrange(2 ** 31)),
              lambda: GLib.Variant("as", [text()] * source.randrange(20)), lambda: GLib.Variant("ay", os.urandom(50)),
              lambda: GLib.Variant("v", GLib.Variant("v", GLib.Variant("s", text()))),
              lambda: GLib.Variant("h", source.randrange(3)), lambda: GLib.Variant("a{sv}", {}),
              lambda: GLib.Variant("d", float("nan")), lambda: GLib.Variant("s", "y" * 100000))
    request = client.Request()
    for _ in range(source.randrange(1, 6)):
        request.add(source.choice(KEYS), source.choice(values)())
    if source.random() < 0.3:
        reader, writer = os.pipe()
        request.add_reference(reader)
        os.close(writer)
        os.close(reader)
    return request.add("challenge", "none")     # twice by now: nothing of this can ever be in order


class Flood(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.clerk = client.Client("clerk")
        self.addCleanup(self.clerk.close)

    def honest(self):
        answer = self.clerk.verify(client.Request(pictures.encoded(pictures.landscape())))
        self.assertEqual(answer.verdict, "reference-unusable")

    def assert_as_before(self, memory, descriptors):
        self.honest()
        self.assertTrue(harness.eventually(lambda: services.descriptors() <= descriptors, 10), services.descriptors())
        self.assertEqual(services.pictures_open(), [])
        if not services.has_sanitizer():
            self.assertLess(services.memory("VmRSS") - memory, WORST_KIB)

    def test_a_thousand_malformed_requests(self):
        source = random.Random(17)
        for _ in range(50):
            self.clerk.start(malformed(source)).outcome()
        self.honest()
        memory, descriptors = services.memory("VmRSS"), services.descriptors()
        for i in range(1000):
            outcome = self.clerk.start(malformed(source), source.choice(("Verify", "Begin"))).outcome()
            self.assertIsInstance(outcome, client.BusError, f"malformed request {i} was answered")
            self.assertIn(outcome.name.rsplit(".", 1)[-1], ("BadRequest", "BadReference", "InvalidArgs"), str(outcome))
        self.assert_as_before(memory, descriptors)

    def test_a_hundred_callers_at_once(self):
        self.honest()
        memory, descriptors = services.memory("VmRSS"), services.descriptors()
        for _ in range(3):
            callers = [client.Client(user, listen=False) for user in ("clerk", "root", "nobody", "likeness") * 25]
            calls = [caller.start(client.Request(pictures.encoded(pictures.landscape()))) for caller in callers]
            names = {getattr(call.outcome(), "name", "answered").rsplit(".", 1)[-1] for call in calls}
            self.assertLessEqual(names, {"answered", "Busy", "AccessDenied", "LimitsExceeded"})
            self.assertTrue({"answered", "AccessDenied"} <= names)
            for caller in callers:
                caller.close()
            services.wait_idle()
        self.assert_as_before(memory, descriptors)

    def test_callers_that_come_and_go(self):
        self.honest()
        memory, descriptors = services.memory("VmRSS"), services.descriptors()
        for i in range(100):
            caller = client.Client(("clerk", "nobody")[i % 2], listen=False)
            caller.start(client.Request(pictures.encoded(pictures.landscape())))
            client.spin(lambda: False, 0.002 * (i % 7))
            caller.close()
        client.spin(lambda: self.clerk.get("State") == "idle", 30)
        services.wait_idle()
        self.assert_as_before(memory, descriptors)


if __name__ == "__main__":
    harness.main()
