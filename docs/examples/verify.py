#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How a point-of-sale program asks Likeness, in Python with GLib (Debian: python3-gi). usage: verify.py PORTRAIT"""

import fcntl
import os
import sys

from gi.repository import Gio, GLib

TIMEOUT_MS = 120 * 1000         # GLib would wait 25 s; a customer may need longer


def sealed_copy(path):
    """The picture in a memfd that nobody can change any more: the only form in which Likeness takes one."""
    memory = os.memfd_create("reference", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(path, "rb") as file, open(memory, "wb", closefd=False) as copy:
        copy.write(file.read())
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS,
                fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    return memory


def main():
    bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
    descriptors = Gio.UnixFDList.new()
    request = {"document": GLib.Variant("s", "id-card"), "challenge": GLib.Variant("s", "none"),
               "reference": GLib.Variant("h", descriptors.append(sealed_copy(sys.argv[1])))}
    try:
        reply, _ = bus.call_with_unix_fd_list_sync(
            "org.likeness.Verifier1", "/org/likeness/Verifier1", "org.likeness.Verifier1", "Verify",
            GLib.Variant("(a{sv})", (request,)), GLib.VariantType("(sa{sv})"),
            Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, TIMEOUT_MS, descriptors)
    except GLib.Error as error:
        sys.exit(f"{Gio.DBusError.get_remote_error(error)}: {error.message}")
    verdict, result = reply.unpack()
    print(verdict, ", ".join(result["reasons"]))


if __name__ == "__main__":
    main()
