#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The real likeness-keyring, asked over a socket of its own as systemd would start it, with everything going wrong that
can: wrong passwords, lost, cut and altered files, full disks, SIGKILL at every moment.

Usage: test-keyring.py HELPER FAULT-SHIM [TEST…]
"""

import array
import base64
import ctypes
import fcntl
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
import unittest

HELPER = SHIM = None

LOAD, ROTATE, COMMIT, DISCARD = range(4)
REQUEST, REPLY = struct.Struct("=III44s"), struct.Struct("=III44s44s")
REQUEST_MAGIC, REPLY_MAGIC = 0x314B514C, 0x314B524C
OUTCOMES = ("done", "password-wrong", "keyring-missing", "keyring-damaged", "record-damaged", "credential-missing",
            "credential-unreadable", "busy", "disk-full", "disk", "state-unsafe", "rotation-unfinished", "other-key",
            "other-mode", "refused", "internal-error")
PROTECTIONS = ("none", "host", "tpm")
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

PASSWORD = "correct horse battery staple"
KEYRING, BACKUP, RECORD = "production/signing.keyring", "production/signing.keyring~", "production.provisioned"

# Longer than a helper takes, also with sanitizers on a busy machine; it ends itself sooner.
PATIENCE = 40
SEED = int(os.environ.get("LIKENESS_TEST_SEED", "1"))


class Answer:
    """What came back from one helper; `said` is what it wrote to stdout and stderr."""

    outcome = protection = key_id = pending_id = key = None
    status = None
    said = ""

    def __repr__(self):
        return f"<{self.outcome} {self.key_id} pending {self.pending_id!r}, ended with {self.status}, said: {self.said}>"


class Helper:
    """One helper at work: started at once, answers when wait() is called."""

    def __init__(self, home, request, *options, password=PASSWORD, environment=None):
        self.home = home
        self.socket, theirs = socket.socketpair()
        self.log = tempfile.TemporaryFile()
        self.password = password
        variables = {"PATH": os.defpath, "LIKENESS_LOG_LEVEL": "debug",
                     **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}, **(environment or {})}
        if password is not None and "CREDENTIALS_DIRECTORY" not in variables:
            variables["CREDENTIALS_DIRECTORY"] = home.credentials(password)
        arguments = [HELPER, f"--state={home.state}", f"--peer={os.getuid()}", *options]
        if request is not None:
            self.socket.sendall(request)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
                os.dup2(self.log.fileno(), 1)
                os.dup2(self.log.fileno(), 2)
                os.dup2(theirs.fileno(), 3)
                os.set_inheritable(3, True)
                os.closerange(4, 64)
                os.execve(HELPER, arguments, {**variables, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
            finally:
                os._exit(99)
        theirs.close()

    def kill(self):
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.pid, signal.SIGKILL)       # before its setsid()

    def wait(self):
        answer = Answer()
        self.socket.settimeout(PATIENCE)
        descriptors = array.array("i")
        try:
            data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(16))
        except ConnectionResetError:
            data, ancillary = b"", []
        for _, _, part in ancillary:
            descriptors.frombytes(part)
        _, status = os.waitpid(self.pid, 0)
        answer.status = os.waitstatus_to_exitcode(status)
        self.log.seek(0)
        answer.said = self.log.read().decode(errors="replace")
        self.log.close()
        self.socket.close()
        if data:
            self.take(answer, data, list(descriptors))
        self.check_secrets(answer)
        return answer

    def take(self, answer, data, descriptors):
        magic, outcome, protection, key_id, pending_id = REPLY.unpack(data)
        if magic != REPLY_MAGIC or len(descriptors) != (outcome == 0):
            raise AssertionError(f"a malformed reply: {data!r} with {descriptors}")
        answer.outcome, answer.protection = OUTCOMES[outcome], PROTECTIONS[protection]
        answer.key_id, answer.pending_id = (i.rstrip(b"\0").decode() for i in (key_id, pending_id))
        for fd in descriptors:
            if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & SEALS != SEALS:
                raise AssertionError("the key is not sealed")
            answer.key = json.loads(os.pread(fd, 4097, 0))
            os.close(fd)

    def check_secrets(self, answer):
        """Neither the password nor a key is ever written anywhere but into the keyring."""
        for secret in filter(None, (self.password, answer.key and answer.key["d"])):
            if len(secret) >= 8 and secret in answer.said:
                raise AssertionError("a secret is in the helper's output")


def thumbprint(key):
    text = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


class Home:
    """A state directory and the credentials of its helper."""

    def __init__(self):
        # in memory, where syncing takes no time
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.path = tempfile.mkdtemp(prefix="likeness-keyring-", dir=memory)
        self.state = self.path + "/state"
        os.mkdir(self.state, 0o700)

    def remove(self):
        shutil.rmtree(self.path)

    def credentials(self, password):
        directory = f"{self.path}/credentials-{hashlib.sha256(password.encode()).hexdigest()[:8]}"
        if not os.path.isdir(directory):
            os.mkdir(directory)
            with open(directory + "/likeness-keyring", "w") as file:
                file.write(password + "\n")
        return directory

    def start(self, operation, key_id="", *options, **more):
        request = REQUEST.pack(REQUEST_MAGIC, operation, "--demo" in options, key_id.encode())
        return Helper(self, request, *options, **more)

    def ask(self, operation, key_id="", *options, **more):
        return self.start(operation, key_id, *options, **more).wait()

    def read(self, name):
        with open(f"{self.state}/{name}", "rb") as file:
            return file.read()

    def write(self, name, data):
        with open(f"{self.state}/{name}", "wb") as file:
            file.write(data)

    def exists(self, name):
        return os.path.exists(f"{self.state}/{name}")

    def snapshot(self):
        return {name: self.read(name) for name in (KEYRING, RECORD)}

    def restore(self, snapshot):
        for name, data in snapshot.items():
            self.write(name, data)

    def record_again(self):
        """Makes the record fit an altered keyring, as somebody who may write both could."""
        digest = hashlib.sha256(self.read(KEYRING)).hexdigest()
        self.write(RECORD, re.sub(rb"[0-9a-f]{64}", digest.encode(), self.read(RECORD), count=1))


class TestCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.home = Home()
        self.addCleanup(self.home.remove)

    def provisioned(self):
        answer = self.home.ask(LOAD)
        self.assertDone(answer)
        return answer

    def assertDone(self, answer, key_id=None, pending_id=""):
        self.assertEqual((answer.outcome, answer.status), ("done", 0), answer)
        self.assertEqual(answer.pending_id, pending_id, answer)
        if key_id:
            self.assertEqual(answer.key_id, key_id, answer)
        self.assertEqual(sorted(answer.key), ["crv", "d", "kty", "x", "y"])

    def assertRefused(self, answer, *outcomes):
        """An outcome and words for it; no crash, and no key."""
        self.assertIn(answer.outcome, outcomes, answer)
        self.assertEqual(answer.status, 0, answer)
        self.assertIsNone(answer.key)
        self.assertGreater(len(answer.said), 20, answer)

    def assertUnchanged(self, snapshot):
        self.assertEqual(snapshot, self.home.snapshot())


class Provisioning(TestCase):
    def test_first_load_makes_a_key_and_the_next_gives_the_same(self):
        first = self.provisioned()
        self.assertEqual(thumbprint(first.key), first.key_id)
        self.assertEqual(first.protection, "host")
        self.assertEqual(first.key["kty"] + first.key["crv"], "ECP-256")
        snapshot = self.home.snapshot()
        second = self.home.ask(LOAD, first.key_id, "--protection=tpm")
        self.assertDone(second, first.key_id)
        self.assertEqual((second.key, second.protection), (first.key, "tpm"))
        self.assertUnchanged(snapshot)
        for name in (KEYRING, RECORD):
            self.assertEqual(os.stat(f"{self.home.state}/{name}").st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(f"{self.home.state}/production"), ["signing.keyring"])
        self.assertEqual(os.listdir(f"{self.home.state}/production.new"), [])

    def test_the_credential_says_what_it_was_encrypted_with(self):
        """As likeness-key-setup makes it: a word before the password, which is no part of it."""
        first = self.provisioned()
        for word, option, told in (("tpm", "host", "tpm"), ("host", "tpm", "host"), ("none", "tpm", None), ("TPM", "tpm", None)):
            snapshot = self.home.snapshot()
            answer = self.home.ask(LOAD, first.key_id, f"--protection={option}",
                                   password=f"{word}:{PASSWORD}")
            if told:
                self.assertDone(answer, first.key_id)
                self.assertEqual((answer.key, answer.protection), (first.key, told))
            else:
                self.assertRefused(answer, "password-wrong")
            self.assertUnchanged(snapshot)
        self.assertRefused(self.home.ask(LOAD, first.key_id, password="tpm:too-short"), "credential-unreadable")

    def test_a_ledger_with_entries_never_gets_a_first_key(self):
        other = "A" * 43
        self.assertRefused(self.home.ask(LOAD, other), "keyring-missing")
        self.assertFalse(self.home.exists(KEYRING))
        self.provisioned()
        self.assertRefused(self.home.ask(LOAD, other), "other-key")

    def test_demo_is_another_key_without_a_password(self):
        demo = self.home.ask(LOAD, "", "--demo", password=None)
        self.assertDone(demo)
        self.assertEqual(demo.protection, "none")
        self.assertFalse(self.home.exists(KEYRING))
        real = self.provisioned()
        self.assertNotEqual(real.key_id, demo.key_id)
        snapshot = self.home.snapshot()
        again = self.home.ask(LOAD, "", "--demo", "--protection=tpm", password=None)
        self.assertDone(again, demo.key_id)
        self.assertEqual(again.protection, "none")
        self.assertUnchanged(snapshot)

    def test_a_demo_keyring_does_not_pass_for_a_real_one(self):
        self.assertDone(self.home.ask(LOAD, "", "--demo", password=None))
        os.makedirs(self.home.state + "/production", exist_ok=True)
        for name in (KEYRING, RECORD):
            shutil.copy(f"{self.home.state}/{name.replace('production', 'demo')}", f"{self.home.state}/{name}")
        self.assertRefused(self.home.ask(LOAD), "password-wrong")
        self.assertRefused(self.home.ask(LOAD, password="this is the demonstration's keyring"), "password-wrong")

    def test_the_state_directory_must_be_closed(self):
        os.chmod(self.home.state, 0o750)
        self.assertRefused(self.home.ask(LOAD), "state-unsafe")
        self.assertEqual(os.listdir(self.home.state), [])

    def test_no_state_directory(self):
        os.rmdir(self.home.state)
        self.assertRefused(self.home.ask(LOAD), "disk")


class Requests(TestCase):
    def refuses(self, request, *options):
        answer = Helper(self.home, request, *options).wait()
        self.assertRefused(answer, "refused")
        self.assertEqual(os.listdir(self.home.state), [])

    def test_malformed(self):
        good = REQUEST.pack(REQUEST_MAGIC, LOAD, 0, b"")
        for request in (b"\0" * len(good), good.replace(good[:4], b"LQK2"), REQUEST.pack(REQUEST_MAGIC, 4, 0, b""),
                        REQUEST.pack(REQUEST_MAGIC, 1 << 31, 0, b""), REQUEST.pack(REQUEST_MAGIC, LOAD, 0, b"x" * 44),
                        REQUEST.pack(REQUEST_MAGIC, LOAD, 0, b"x"), REQUEST.pack(REQUEST_MAGIC, ROTATE, 0, b""),
                        REQUEST.pack(REQUEST_MAGIC, COMMIT, 0, b"../" * 14 + b"a"),
                        REQUEST.pack(REQUEST_MAGIC, LOAD, 2, b"")):
            with self.subTest(request=request):
                self.refuses(request)

    def test_cut(self):
        helper = Helper(self.home, REQUEST.pack(REQUEST_MAGIC, LOAD, 0, b"")[:-1])
        helper.socket.shutdown(socket.SHUT_WR)
        self.assertRefused(helper.wait(), "refused")

    def test_silent_peer(self):
        self.assertRefused(Helper(self.home, None).wait(), "refused")

    def test_peer_that_leaves(self):
        helper = self.home.start(LOAD)
        helper.socket.close()
        _, status = os.waitpid(helper.pid, 0)
        helper.log.close()
        self.assertEqual(os.waitstatus_to_exitcode(status), 1)
        self.assertDone(self.home.ask(LOAD))

    def test_only_one_of_both_is_a_demonstration(self):
        for demo, options in ((0, ("--demo",)), (1, ())):
            answer = Helper(self.home, REQUEST.pack(REQUEST_MAGIC, LOAD, demo, b""), *options).wait()
            self.assertRefused(answer, "other-mode")
            self.assertEqual(os.listdir(self.home.state), [])

    def test_other_users(self):
        self.refuses(REQUEST.pack(REQUEST_MAGIC, LOAD, 0, b""), "--peer=65533")


class Password(TestCase):
    def test_wrong(self):
        first = self.provisioned()
        snapshot = self.home.snapshot()
        for operation in (LOAD, ROTATE, COMMIT, DISCARD):
            answer = self.home.ask(operation, first.key_id, password="incorrect horse battery staple")
            self.assertRefused(answer, "password-wrong")
            self.assertIn("password is wrong", answer.said)
        self.assertUnchanged(snapshot)
        self.assertDone(self.home.ask(LOAD), first.key_id)

    def test_missing(self):
        self.assertRefused(self.home.ask(LOAD, password=None), "credential-missing")
        directory = self.home.path + "/none"
        os.mkdir(directory)
        self.assertRefused(self.home.ask(LOAD, environment={"CREDENTIALS_DIRECTORY": directory}), "credential-missing")
        self.assertEqual(os.listdir(self.home.state), [])

    def test_unusable(self):
        directory = self.home.path + "/bad"
        os.mkdir(directory)
        path = directory + "/likeness-keyring"
        environment = {"CREDENTIALS_DIRECTORY": directory}
        for contents in (b"", b"\n", b"x" * 15 + b"\n", b"x" * 1025, b"x" * 100000, b"x" * 20 + b"\0" + b"x" * 20):
            with self.subTest(contents=contents[:40]), open(path, "wb") as file:
                file.write(contents)
                file.flush()
                self.assertRefused(self.home.ask(LOAD, environment=environment), "credential-unreadable")
        os.unlink(path)
        for make in (os.mkdir, os.mkfifo, lambda p: os.symlink("/etc/passwd", p)):
            make(path)
            self.assertRefused(self.home.ask(LOAD, environment=environment), "credential-unreadable")
            os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        self.assertRefused(self.home.ask(LOAD, environment={"CREDENTIALS_DIRECTORY": "/proc/self/exe"}),
                           "credential-unreadable")
        self.assertEqual(os.listdir(self.home.state), [])

    def test_of_any_bytes(self):
        for password in ("x" * 16, "x" * 1000, "ünïcödé päßwörd", "with = and $HOME and 'quotes'"):
            with self.subTest(password=password[:20]):
                home = Home()
                self.addCleanup(home.remove)
                first = home.ask(LOAD, password=password)
                self.assertDone(first)
                self.assertDone(home.ask(LOAD, password=password), first.key_id)
                self.assertRefused(home.ask(LOAD, password=password[:-1] + "y" * 16), "password-wrong")


class Damage(TestCase):
    def test_deleted(self):
        first = self.provisioned()
        os.unlink(f"{self.home.state}/{KEYRING}")
        for operation in (LOAD, ROTATE, COMMIT):
            answer = self.home.ask(operation, first.key_id)
            self.assertRefused(answer, "keyring-missing")
            self.assertIn("no new key", answer.said)
        self.assertRefused(self.home.ask(LOAD), "keyring-missing")
        shutil.rmtree(self.home.state + "/production")
        self.assertRefused(self.home.ask(LOAD), "keyring-missing")
        self.assertFalse(self.home.exists(KEYRING))

    def test_record_deleted_or_altered(self):
        first = self.provisioned()
        snapshot = self.home.snapshot()
        os.unlink(f"{self.home.state}/{RECORD}")
        self.assertRefused(self.home.ask(LOAD), "record-damaged")
        self.assertFalse(self.home.exists(RECORD))
        record = snapshot[RECORD]
        for altered in (b"", b"\0" * 100, record[:-1], record + b"\n", record.replace(b"end", b"END"), record[:40],
                        record.replace(b"keyring ", b"keyring  "), b"x" * 5000,
                        record.replace(b"\nend", b"\nabsent\nend"), record.replace(b"keyring ", b"absent\n", 1),
                        b"likeness-keyring-record 1\nend\n", b"likeness-keyring-record 1\nabsent\nend\n"):
            with self.subTest(record=altered[:60]):
                self.home.write(RECORD, altered)
                self.assertRefused(self.home.ask(LOAD), "record-damaged")
        for position in range(0, len(record), 3):
            with self.subTest(position=position):
                altered = bytearray(record)
                altered[position] ^= 1
                self.home.write(RECORD, altered)
                self.assertRefused(self.home.ask(LOAD), "record-damaged", "keyring-damaged")
        self.home.restore(snapshot)
        self.assertDone(self.home.ask(LOAD), first.key_id)

    def test_truncated(self):
        self.provisioned()
        snapshot = self.home.snapshot()
        whole = snapshot[KEYRING]
        for length in sorted({0, 1, 15, 16, 17, 18, 19, 22, 54, 58, 66, 70, 71, 72, *range(80, len(whole), 37),
                              len(whole) - 1}):
            with self.subTest(length=length):
                self.home.restore(snapshot)
                self.home.write(KEYRING, whole[:length])
                self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
                self.home.record_again()
                self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
                self.assertEqual(self.home.read(KEYRING), whole[:length])
        for longer in (whole + b"\0", whole + whole, whole + b"\0" * (1 << 20), b""):
            self.home.restore(snapshot)
            self.home.write(KEYRING, longer)
            self.assertRefused(self.home.ask(LOAD), "keyring-damaged")

    def positions(self, size):
        """Every byte of the header, salt, counts and framing, and so many of the items."""
        chosen = {*range(0, 96), *range(size - 8, size)}
        return sorted(chosen | set(random.Random(SEED).sample(range(96, size - 8), 116)))

    def test_one_bit_flipped(self):
        self.provisioned()
        snapshot = self.home.snapshot()
        whole = snapshot[KEYRING]
        chance = random.Random(SEED)
        positions = self.positions(len(whole))
        self.assertGreaterEqual(len(positions), 200)
        for position in positions:
            with self.subTest(position=position):
                altered = bytearray(whole)
                altered[position] ^= 1 << chance.randrange(8)
                self.home.write(KEYRING, altered)
                self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
                self.assertEqual(self.home.read(KEYRING), altered)

    def test_one_bit_flipped_and_a_record_that_fits(self):
        first = self.provisioned()
        rotated = self.home.ask(ROTATE, first.key_id)
        self.assertDone(rotated, first.key_id, rotated.pending_id)
        snapshot = self.home.snapshot()
        whole = snapshot[KEYRING]
        chance = random.Random(SEED + 1)
        outcomes = {}
        for position in self.positions(len(whole)):
            with self.subTest(position=position):
                altered = bytearray(whole)
                altered[position] ^= 1 << chance.randrange(8)
                self.home.restore({**snapshot, KEYRING: bytes(altered)})
                self.home.record_again()
                answer = self.home.ask(LOAD)
                outcomes[answer.outcome] = outcomes.get(answer.outcome, 0) + 1
                if answer.outcome == "done":        # the time, the usage count: libsecret authenticates neither
                    self.assertTrue(58 <= position < 70, position)
                    self.assertDone(answer, first.key_id, rotated.pending_id)
                    self.assertEqual(answer.key, first.key)
                else:
                    self.assertRefused(answer, "keyring-damaged", "password-wrong")
                self.assertEqual(self.home.read(KEYRING), altered)
        self.assertGreater(outcomes["keyring-damaged"], 100, outcomes)

    def test_hostile_header(self):
        self.provisioned()
        snapshot = self.home.snapshot()
        for position, value in ((54, 4_000_000_000), (54, 0), (54, 99_999), (54, 2_000_001), (18, 0), (18, 0xFFFFFFFF),
                                (18, 33), (62, 0xFFFFFFFF)):
            with self.subTest(position=position, value=value):
                altered = bytearray(snapshot[KEYRING])
                altered[position:position + 4] = struct.pack("<I", value)
                self.home.restore({**snapshot, KEYRING: bytes(altered)})
                self.home.record_again()
                answer = self.home.ask(LOAD)
                self.assertRefused(answer, "keyring-damaged")
                self.assertNotIn("libsecret was ended", answer.said)     # refused before libsecret saw it

    def test_something_else_in_its_place(self):
        self.provisioned()
        path = f"{self.home.state}/{KEYRING}"
        shutil.move(path, self.home.path + "/elsewhere")
        os.symlink(self.home.path + "/elsewhere", path)
        self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
        os.unlink(path)
        os.mkfifo(path)
        self.assertRefused(self.home.ask(LOAD), "keyring-damaged")

    def test_replaced_by_an_older_one(self):
        first = self.provisioned()
        before = self.home.snapshot()
        pending = self.home.ask(ROTATE, first.key_id).pending_id
        self.assertDone(self.home.ask(COMMIT, pending), pending)
        after = self.home.snapshot()
        self.home.write(KEYRING, before[KEYRING])
        self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
        self.home.record_again()         # the record still names the new key
        self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
        self.home.restore(after)
        self.assertDone(self.home.ask(LOAD, pending), pending)

    def test_another_terminals_keyring(self):
        self.provisioned()
        other = Home()
        self.addCleanup(other.remove)
        self.assertEqual(other.ask(LOAD).outcome, "done")
        self.home.write(KEYRING, other.read(KEYRING))
        self.assertRefused(self.home.ask(LOAD), "keyring-damaged")
        self.home.record_again()
        self.assertRefused(self.home.ask(LOAD), "keyring-damaged")


class Leftovers(TestCase):
    def test_a_backup_with_an_old_secret_is_not_used_and_is_removed(self):
        first = self.provisioned()
        old = self.home.read(KEYRING)
        pending = self.home.ask(ROTATE, first.key_id).pending_id
        self.assertDone(self.home.ask(COMMIT, pending), pending)
        self.home.write(BACKUP, old)
        self.home.write("production/.goutputstream-ABCDEF", old)
        self.home.write("production.new/signing.keyring", old)
        with open(f"{self.home.state}/{BACKUP}", "rb") as held:
            self.assertDone(self.home.ask(LOAD), pending)
            self.assertEqual(held.read(), b"\0" * len(old), "the backup was not wiped")
        self.assertEqual(os.listdir(f"{self.home.state}/production"), ["signing.keyring"])
        self.assertEqual(os.listdir(f"{self.home.state}/production.new"), [])

    def test_a_backup_does_not_replace_a_lost_keyring(self):
        self.provisioned()
        os.rename(f"{self.home.state}/{KEYRING}", f"{self.home.state}/{BACKUP}")
        self.assertRefused(self.home.ask(LOAD), "keyring-missing")
        self.assertFalse(self.home.exists(KEYRING))

    def test_a_backup_that_is_the_keyring_itself(self):
        """libsecret's backup begins as a link to the file: wiping it would wipe the keyring."""
        first = self.provisioned()
        os.link(f"{self.home.state}/{KEYRING}", f"{self.home.state}/{BACKUP}")
        self.assertDone(self.home.ask(LOAD), first.key_id)
        self.assertFalse(self.home.exists(BACKUP))

    def test_what_is_replaced_is_wiped(self):
        first = self.provisioned()
        pending = self.home.ask(ROTATE, first.key_id).pending_id
        with open(f"{self.home.state}/{KEYRING}", "rb") as held:
            self.assertDone(self.home.ask(COMMIT, pending), pending)
            self.assertEqual(set(held.read()), {0})


class Rotation(TestCase):
    def test_all_the_way(self):
        first = self.provisioned()
        rotated = self.home.ask(ROTATE, first.key_id)
        new = thumbprint(rotated.key)
        self.assertDone(rotated, first.key_id, new)
        self.assertNotEqual(new, first.key_id)
        loaded = self.home.ask(LOAD)
        self.assertDone(loaded, first.key_id, new)
        self.assertEqual(loaded.key, first.key)
        self.assertDone(self.home.ask(LOAD, new), first.key_id, new)
        for _ in range(2):               # a COMMIT may be repeated
            committed = self.home.ask(COMMIT, new)
            self.assertDone(committed, new)
            self.assertEqual(committed.key, rotated.key)
        self.assertDone(self.home.ask(LOAD), new)
        self.assertRefused(self.home.ask(LOAD, first.key_id), "other-key")

    def test_discarded(self):
        first = self.provisioned()
        new = self.home.ask(ROTATE, first.key_id).pending_id
        for _ in range(2):
            self.assertDone(self.home.ask(DISCARD, new), first.key_id)
        self.assertRefused(self.home.ask(COMMIT, new), "other-key")
        self.assertDone(self.home.ask(LOAD), first.key_id)

    def test_what_does_not_fit(self):
        first = self.provisioned()
        other = "B" * 43
        self.assertRefused(self.home.ask(ROTATE, other), "other-key")
        new = self.home.ask(ROTATE, first.key_id).pending_id
        snapshot = self.home.snapshot()
        answer = self.home.ask(ROTATE, first.key_id)
        self.assertEqual((answer.outcome, answer.pending_id), ("rotation-unfinished", new))
        for operation in (COMMIT, DISCARD):
            self.assertRefused(self.home.ask(operation, other), "other-key")
        self.assertRefused(self.home.ask(DISCARD, first.key_id), "other-key")
        self.assertUnchanged(snapshot)

    def test_before_provisioning(self):
        for operation in (ROTATE, COMMIT, DISCARD):
            self.assertRefused(self.home.ask(operation, "C" * 43), "other-key")
            self.assertFalse(self.home.exists(RECORD))


class Together(TestCase):
    def test_many_at_first_get_one_key(self):
        helpers = [self.home.start(LOAD) for _ in range(8)]
        answers = [helper.wait() for helper in helpers]
        for answer in answers:
            self.assertDone(answer)
        self.assertEqual(len({answer.key_id for answer in answers}), 1)

    def test_many_rotations_make_one_pending_key(self):
        first = self.provisioned()
        helpers = [self.home.start(ROTATE, first.key_id) for _ in range(4)]
        answers = [helper.wait() for helper in helpers]
        self.assertEqual(sorted(answer.outcome for answer in answers), ["done"] + 3 * ["rotation-unfinished"])
        self.assertEqual(len({answer.pending_id for answer in answers}), 1)

    def test_one_that_holds_on_makes_the_next_say_busy(self):
        self.provisioned()
        lock = os.open(self.home.state + "/production.lock", os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertRefused(self.home.ask(LOAD), "busy")
        os.close(lock)
        self.assertDone(self.home.ask(LOAD))


class FullDisk(TestCase):
    """In a file system of a few pages, of which a file takes all but so many away."""

    def setUp(self):
        super().setUp()
        libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0:
            self.skipTest("a small file system takes root")
        if libc.mount(b"tmpfs", self.home.state.encode(), b"tmpfs", ctypes.c_ulong(0), b"size=64k,mode=0700") < 0:
            self.skipTest(f"no small file system: {os.strerror(ctypes.get_errno())}")
        self.addCleanup(libc.umount2, self.home.state.encode(), 2)

    def fill(self, spare):
        self.free()
        with open(self.home.state + "/ballast", "wb") as file:
            space = os.statvfs(self.home.state)
            file.write(b"x" * max(0, space.f_bfree - spare) * space.f_bsize)

    def free(self):
        if self.home.exists("ballast"):
            os.unlink(self.home.state + "/ballast")

    def test_first_key(self):
        for spare in range(3):
            with self.subTest(spare=spare):
                self.fill(spare)
                self.assertRefused(self.home.ask(LOAD), "disk-full")
        self.free()
        first = self.provisioned()
        self.assertDone(self.home.ask(LOAD), first.key_id)

    def test_rotation(self):
        first = self.provisioned()
        made = set()
        for spare in range(4):
            with self.subTest(spare=spare):
                self.fill(spare)
                answer = self.home.ask(ROTATE, first.key_id)
                if answer.outcome == "done":
                    made.add(answer.pending_id)
                else:
                    self.assertRefused(answer, "disk-full", "rotation-unfinished")
                loaded = self.home.ask(LOAD, first.key_id)       # on the full disk
                self.assertDone(loaded, first.key_id, next(iter(made), ""))
                self.assertEqual(loaded.key, first.key)
        self.free()
        self.assertEqual(len(made) or self.home.ask(ROTATE, first.key_id).outcome, 1 if made else "done")


def with_fault(**faults):
    """The environment in which the shim makes something go wrong."""
    options = os.environ.get("ASAN_OPTIONS")
    return {"LD_PRELOAD": SHIM, "ASAN_OPTIONS": (options + ":" if options else "") + "verify_asan_link_order=0",
            **{name: str(value) for name, value in faults.items()}}


class FailingDisk(TestCase):
    def test_what_reads_back_differently_is_not_used(self):
        damage = with_fault(LIKENESS_DAMAGE=1)
        self.assertRefused(self.home.ask(LOAD, environment=damage), "disk")
        self.assertFalse(self.home.exists(KEYRING))
        first = self.provisioned()
        snapshot = self.home.snapshot()
        answer = self.home.ask(ROTATE, first.key_id, environment=damage)
        self.assertRefused(answer, "disk")
        self.assertIn("does not read back", answer.said)
        self.assertUnchanged(snapshot)
        self.assertDone(self.home.ask(LOAD), first.key_id)

    def test_what_cannot_be_synced(self):
        """The change may have been made or not; what is never lost is the key."""
        first = self.provisioned()
        before = self.home.snapshot()
        outcomes = []
        for call in range(1, 25):
            with self.subTest(call=call):
                answer = self.home.ask(ROTATE, first.key_id, environment=with_fault(LIKENESS_SYNC_FAILS_AT=call))
                loaded = self.home.ask(LOAD)
                self.assertDone(loaded, first.key_id, loaded.pending_id)
                self.assertEqual(loaded.key, first.key)
                outcomes.append(answer.outcome)
                if answer.outcome == "done":
                    self.assertEqual(answer.pending_id, loaded.pending_id)
                else:
                    self.assertRefused(answer, "disk")
                self.home.restore(before)
        # the new keyring, the record, their directories, and the exchange: six in a row (before them libsecret's own;
        # after them what can be done again at the next start)
        self.assertIn("disk " * 6, " ".join(outcomes) + " ")
        self.assertEqual(outcomes[-1], "done")

    def test_a_first_key_is_not_given_before_its_loss_would_be_seen(self):
        first = self.provisioned()
        settled = self.home.read(RECORD)
        self.home.write(RECORD, settled.replace(b"keyring ", b"absent\nkeyring ", 1))   # as a crash leaves it
        self.assertRefused(self.home.ask(LOAD, environment=with_fault(LIKENESS_SYNC_FAILS_AT=1)), "disk")
        self.assertDone(self.home.ask(LOAD), first.key_id)
        self.assertEqual(self.home.read(RECORD), settled)


class Killed(TestCase):
    """SIGKILL to the helper and its children, just before each of its calls that change files (the shim counts them),
    and at moments by chance."""

    CALLS_MAX = 400

    def crash_at(self, call, operation, key_id):
        """False once the helper gets through without that many calls."""
        answer = self.home.ask(operation, key_id, environment=with_fault(LIKENESS_CRASH_AT=call))
        if answer.status == 0:
            self.assertEqual(answer.outcome, "done", answer)
            return False
        self.assertEqual(answer.status, -signal.SIGKILL, answer)
        self.assertIsNone(answer.key)
        return True

    def each_call(self, operation, key_id):
        for call in range(1, self.CALLS_MAX):
            if not self.crash_at(call, operation, key_id):
                self.assertGreater(call, 10, "the shim sees no calls")
                return
            with self.subTest(call=call):
                yield self.home.ask(LOAD)
        self.fail("the helper does not get through")

    def test_while_provisioning(self):
        """A key that was never handed out need not stay; one that a LOAD gave does."""
        seen = None
        for call in range(1, self.CALLS_MAX):
            if not self.crash_at(call, LOAD, ""):
                self.assertGreater(call, 10, "the shim sees no calls")
                return
            with self.subTest(call=call):
                answer = self.home.ask(LOAD)
                self.assertDone(answer)
                self.assertDone(self.home.ask(LOAD, answer.key_id), answer.key_id)
                self.assertNotEqual(answer.key_id, seen)
                seen = answer.key_id
            shutil.rmtree(self.home.state)
            os.mkdir(self.home.state, 0o700)
        self.fail("the helper does not get through")

    def test_while_making_a_pending_key(self):
        first = self.provisioned()
        before = self.home.snapshot()
        pending = 0
        for answer in self.each_call(ROTATE, first.key_id):
            self.assertDone(answer, first.key_id, answer.pending_id)
            self.assertEqual(answer.key, first.key)
            if answer.pending_id:
                pending += 1
                self.home.restore(before)
        self.assertGreater(pending, 0)

    def test_while_committing(self):
        first = self.provisioned()
        rotated = self.home.ask(ROTATE, first.key_id)
        before = self.home.snapshot()
        outcomes = set()
        for answer in self.each_call(COMMIT, rotated.pending_id):
            if answer.key_id == first.key_id:
                self.assertDone(answer, first.key_id, rotated.pending_id)
                self.assertEqual(answer.key, first.key)
            else:
                self.assertDone(answer, rotated.pending_id)
                self.assertEqual(answer.key, rotated.key)
                self.home.restore(before)
            outcomes.add(answer.key_id)
        self.assertEqual(outcomes, {first.key_id, rotated.pending_id})

    def test_by_chance(self):
        chance = random.Random(SEED)
        current = self.provisioned()
        pending = None
        for turn in range(60):
            with self.subTest(turn=turn):
                operation, key_id = (COMMIT, pending) if pending else (ROTATE, current.key_id)
                helper = self.home.start(operation, key_id)
                time.sleep(chance.uniform(0, 0.12))
                helper.kill()
                helper.wait()
                answer = self.home.ask(LOAD)
                self.assertDone(answer, answer.key_id, answer.pending_id)
                self.assertIn(answer.key_id, (current.key_id, pending))
                if pending:
                    self.assertEqual(answer.pending_id, pending if answer.key_id == current.key_id else "")
                current, pending = answer, answer.pending_id or None


def main():
    global HELPER, SHIM
    HELPER, SHIM = (os.path.realpath(path) for path in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)


if __name__ == "__main__":
    main()
