#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The signing key's secret number is in likenessd's memory once, in the one object that signs, whatever was asked."""

import array
import base64
import json
import os
import re
import socket
import struct

import harness

try:
    import client
    import pictures
    import services
except ImportError:
    pass                            # outside, where nothing of this is used

REQUEST_MAGIC = 0x314B514C
LOAD = 0


def fetch_key():
    """The key as likenessd gets it: from the keyring's socket, as likeness."""
    user = services.identity("likeness")
    reader, writer = socket.socketpair()
    pid = os.fork()
    if pid == 0:                    # the helper asks the kernel who connects
        os.setresuid(user, user, user)
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.connect("/run/likeness/keyring.sock")
        peer.sendall(struct.pack("=III44s", REQUEST_MAGIC, LOAD, 1, b""))
        data, control, _, _ = peer.recvmsg(256, socket.CMSG_SPACE(4))
        fds = array.array("i")
        for level, kind, body in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(body)
        text = os.pread(fds[0], 4096, 0) if len(fds) else b""
        writer.sendall(text or b"{}")
        os._exit(0)
    writer.close()
    text = reader.recv(4096)
    reader.close()
    os.waitpid(pid, 0)
    return json.loads(text)


def secrets_of(key):
    """Every form in which the secret number could be lying about."""
    text = key["d"].encode()
    number = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    return {"text": text, "number": number, "number, turned round": number[::-1]}


def memory_of(pid):
    """All that the process may write to, in pieces."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            place = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", line)
            start, end = int(place[1], 16), int(place[2], 16)
            if "w" not in place[3] or "[vvar]" in line:
                continue
            try:
                memory.seek(start)
                yield memory.read(end - start)
            except OSError:
                pass


def count(pid, wanted):
    return sum(piece.count(wanted) for piece in memory_of(pid))


class KeyMemory(harness.TestCase):
    def test_the_secret_is_there_once(self):
        if services.has_sanitizer():
            self.skipTest("a sanitizer keeps what was freed")
        secrets = secrets_of(fetch_key())
        caller = client.Client("clerk")
        self.addCleanup(caller.close)
        for number in ("01", "02"):
            caller.verify(client.Request(pictures.portrait(number)))
        for _ in range(10):
            caller.start(client.Request(b"no picture")).outcome()

        pid = services.likenessd()
        self.assertEqual({form: count(pid, wanted) for form, wanted in secrets.items()},
                         {"text": 1, "number": 0, "number, turned round": 0})
        self.assertFalse([name for name in os.listdir(f"/proc/{pid}/fd")
                          if "likeness-key" in os.readlink(f"/proc/{pid}/fd/{name}")])

    def test_an_old_secret_is_gone_after_a_change(self):
        if services.has_sanitizer():
            self.skipTest("a sanitizer keeps what was freed")
        old = secrets_of(fetch_key())
        root = client.Client("root")
        self.addCleanup(root.close)
        client.Call(root, harness.PATH, harness.NAME, "RotateKey", None).wait()
        new = secrets_of(fetch_key())
        pid = services.likenessd()
        self.assertNotEqual(old, new)
        self.assertEqual([count(pid, wanted) for wanted in old.values()], [0, 0, 0])
        self.assertEqual([count(pid, wanted) for wanted in new.values()], [1, 0, 0])


if __name__ == "__main__":
    harness.main()
