# SPDX-License-Identifier: Apache-2.0
"""A caller on the bus, under any user, with GDBus."""

import os
import time

from gi.repository import Gio, GLib

import pictures
import services
from harness import NAME, PATH, PATIENCE, SESSION


class BusError(Exception):
    def __init__(self, error):
        self.name = Gio.DBusError.get_remote_error(error) or f"{error.domain}: {error.code}"
        self.message = error.message.removeprefix(f"GDBus.Error:{self.name}: ")
        super().__init__(f"{self.name}: {self.message}")


class Answer:
    """A verdict and its fields, with their D-Bus types."""

    def __init__(self, parameters):
        self.verdict = parameters.get_child_value(0).get_string()
        fields = parameters.get_child_value(1)
        self.types, self.fields = {}, {}
        for i in range(fields.n_children()):
            entry = fields.get_child_value(i)
            value = entry.get_child_value(1).get_variant()
            key = entry.get_child_value(0).get_string()
            self.types[key] = value.get_type_string()
            self.fields[key] = value.unpack()
        self.reasons = self.fields.get("reasons")

    def __repr__(self):
        return f"{self.verdict or 'no verdict'} {self.fields}"


def spin(condition, seconds=PATIENCE):
    """Lets messages come in until condition() is true; its last value."""
    context = GLib.MainContext.default()
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        if not context.iteration(False):
            time.sleep(0.005)


class Request:
    """A request's keys, any of which may be wrong, missing or there twice. Descriptors are closed once sent."""

    def __init__(self, portrait=None, **more):
        self.pairs, self.descriptors = [], Gio.UnixFDList.new()
        self.add("document", "passport")
        self.add("challenge", "none")
        if portrait is not None:
            self.add_reference(portrait)
        for key, value in more.items():
            self.remove(key)
            self.add(key, value)

    def add(self, key, value):
        self.pairs.append((key, value if isinstance(value, GLib.Variant) else GLib.Variant("s", value)))
        return self

    def remove(self, key):
        self.pairs = [pair for pair in self.pairs if pair[0] != key]
        return self

    def add_reference(self, portrait):
        """A descriptor, or the bytes of a picture for a sealed memfd."""
        fd = portrait if isinstance(portrait, int) else pictures.memfd(portrait)
        self.add("reference", GLib.Variant("h", self.descriptors.append(fd)))
        if fd != portrait:
            os.close(fd)
        return self

    def body(self):
        builder = GLib.VariantBuilder.new(GLib.VariantType.new("a{sv}"))
        for key, value in self.pairs:
            builder.add_value(GLib.Variant.new_dict_entry(GLib.Variant("s", key), GLib.Variant("v", value)))
        return GLib.Variant.new_tuple(builder.end())


class Call:
    """A method call under way."""

    def __init__(self, client, path, interface, method, body, descriptors=None):
        self.result = self.error = self.ended = None
        self.began = time.monotonic()
        client.bus.call_with_unix_fd_list(NAME, path, interface, method, body, None, Gio.DBusCallFlags.NONE,
                                          4 * PATIENCE * 1000, descriptors, None, self.on_reply)

    def on_reply(self, bus, result):
        try:
            self.result, _ = bus.call_with_unix_fd_list_finish(result)
        except GLib.Error as e:
            self.error = BusError(e)
        self.ended = time.monotonic()

    def is_over(self):
        return self.ended is not None

    def wait(self, seconds=PATIENCE):
        """The reply; raises BusError."""
        if not spin(self.is_over, seconds):
            raise AssertionError(f"no answer within {seconds} s")
        if self.error:
            raise self.error
        return self.result

    def answer(self, seconds=PATIENCE):
        return Answer(self.wait(seconds))

    def outcome(self, seconds=PATIENCE):
        """The answer, or the error."""
        try:
            return self.answer(seconds)
        except BusError as e:
            return e


class Session:
    """The object that Begin() returned."""

    def __init__(self, client, path):
        self.client, self.path = client, path

    def call(self, method, body=None):
        return Call(self.client, self.path, SESSION, method, body)

    def cancel(self):
        return self.call("Cancel").wait()

    def finished(self, seconds=PATIENCE):
        """What Finished told."""
        told = lambda: [s for s in self.client.signals if s.member == "Finished" and s.path == self.path]
        if not spin(told, seconds):
            raise AssertionError(f"no Finished within {seconds} s")
        assert len(told()) == 1, "Finished came twice"
        return Answer(told()[0].body)


class Signal:
    def __init__(self, sender, path, interface, member, body):
        self.sender, self.path, self.interface, self.member, self.body = sender, path, interface, member, body


class Client:
    """A connection of its own. The bus takes a caller for whom the kernel says it is when it connects."""

    def __init__(self, user="clerk", listen=True):
        os.seteuid(services.identity(user))
        try:
            self.bus = Gio.DBusConnection.new_for_address_sync(
                os.environ["DBUS_SYSTEM_BUS_ADDRESS"],
                Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
                None, None)
        finally:
            os.seteuid(0)
        self.bus.set_exit_on_close(False)
        self.signals = []
        if listen:
            self.bus.signal_subscribe(None, None, None, None, None, Gio.DBusSignalFlags.NONE, self.on_signal)

    def on_signal(self, bus, sender, path, interface, member, body, *unused):
        if not interface.startswith("org.freedesktop.DBus") or member == "PropertiesChanged":
            self.signals.append(Signal(sender, path, interface, member, body))

    def prompts(self):
        return [s for s in self.signals if s.member == "Prompt"]

    def close(self):
        self.bus.close_sync(None)

    def start(self, request, method="Verify"):
        return Call(self, PATH, NAME, method, request.body(), request.descriptors)

    def verify(self, request, seconds=PATIENCE):
        return self.start(request).answer(seconds)

    def begin(self, request):
        return Session(self, self.start(request, "Begin").wait().unpack()[0])

    def get(self, name):
        body = GLib.Variant("(ss)", (NAME, name))
        return Call(self, PATH, "org.freedesktop.DBus.Properties", "Get", body).wait().unpack()[0]

    def owner(self, name):
        """The bus's own answer: True if somebody owns the name."""
        return self.bus.call_sync("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner",
                                  GLib.Variant("(s)", (name,)), None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]
