# SPDX-License-Identifier: Apache-2.0
"""Plants faces that the test knows and looks for what is left of them: everywhere, in every form that they ever have.

The needles (tests/erasure/needles.cpp) are made of the planted recordings and portraits with the examiner's own code,
and exist only in a tmpfs of the test's. tests/erasure/search.c looks for them in the memory of processes, in what their
descriptors give access to (files, also deleted and in memory, queues, pipes), in shared memory and in files."""

import base64
import collections
import contextlib
import glob
import os
import pwd
import subprocess
import tempfile
import time

# Where a leak could be written to. Only files that were changed since the last search are looked at: none can make
# itself look old.
TREES = ("/run", "/dev/shm", "/var/log", "/var/lib/systemd/coredump")
# These are shared with other tests and much else: only files of our users.
SHARED_TREES = ("/tmp", "/var", "/etc")
USERS = ("likeness", "likeness-examiner", "likeness-keyring")

# What a test can expect to have been made of every recording with a face, and of every portrait with one.
OF_FRAMES = ("frame-jpeg", "frame-planes", "frame-scaled", "face-crop", "face-patch", "network-input",
             "embedding-output", "embedding", "embedding-double")
OF_REFERENCE = ("reference-file", "reference-pixels", "reference-scaled", "reference-crop", "reference-patch",
                "reference-input", "reference-output", "reference-embedding", "reference-double")

Found = collections.namedtuple("Found", "where place kind form count offset")


def program(name):
    return f"{os.environ['LIKENESS_TEST_BUILD']}/tests/erasure/{name}"


class Report:
    """What a search looked at, and what it found."""

    def __init__(self, text):
        self.searched, self.found = [], []
        for line in text.splitlines():
            word, where, place, *rest = line.split("\t")
            if word == "searched":
                self.searched.append((where, place, int(rest[0])))
            else:
                self.found.append(Found(where, place, rest[0], rest[1], int(rest[2]), rest[3]))

    def bytes(self, where):
        return sum(size for w, _, size in self.searched if w == where)

    def places(self, where):
        return [place for w, place, _ in self.searched if w == where]

    def kinds(self, where=None, place="", form=None):
        """The kinds that were found in places with this in their name."""
        return {f.kind for f in self.found
                if where in (None, f.where) and place in f.place and form in (None, f.form)}

    def __str__(self):
        lines = [f"{f.where}: {f.place}: {f.kind} as {f.form}, {f.count} times, first at {f.offset}"
                 for f in self.found]
        return "\n".join(lines[:60] + [f"… {len(lines)} in all"] if len(lines) > 60 else lines)


def ledger_payloads(directory):
    """What the ledger's entries say, decoded; a signature is one part of each."""
    decoded = b""
    for path in glob.glob(directory + "/ledger*") + glob.glob(directory + "/ledger*/*"):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                for part in file.read().replace(b"\n", b".").split(b"."):
                    with contextlib.suppress(ValueError):
                        decoded += base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)) + b"\n"
    return decoded


class Planted:
    """Recordings and portraits (bytes, by name), and their needles, in a tmpfs that nobody else sees: for tests that are
    in a mount namespace of their own. With `objects` also a file with everything of which needles were made."""

    def __init__(self, clips, portraits, objects=False):
        self.planted = self.since = int(time.time()) - 1
        self.place = tempfile.mkdtemp(prefix="planted-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=128m", "tmpfs", self.place], check=True)
        words = []
        for kind, contents in (("clip", clips), ("portrait", portraits)):
            for name, content in contents.items():
                words.append(f"{kind}={self.path(name)}")
                with open(self.path(name), "wb") as file:
                    file.write(content)
                os.chmod(self.path(name), 0o644)
        with open(self.path("needles"), "wb") as file:
            words += [f"objects={self.path('objects')}"] if objects else []
            done = subprocess.run([program("needles"), os.environ["LIKENESS_TEST_SOURCE"] + "/models/manifest",
                                   os.environ["LIKENESS_MODELS"], *words],
                                  stdout=file, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        self.needles = {kind: int(n) for kind, n in (line.split("\t") for line in done.stderr.splitlines())}

    def path(self, name):
        return f"{self.place}/{name}"

    def remove(self):
        subprocess.run(["umount", self.place], check=True)
        os.rmdir(self.place)

    def run(self, *words, prefix=(), **options):
        done = subprocess.run([*prefix, program("search"), self.path("needles"), *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, **options)
        if done.returncode not in (0, 1):
            raise AssertionError(done.stderr.decode())
        return done.stdout.decode(errors="replace")

    def own(self):
        """What is not searched: the planted files and this process, which made them and is the caller."""
        return [f"except={self.place}", f"except-pid={os.getpid()}",
                *(f"except={self.path(name)}" for name in os.listdir(self.place))]

    def search(self, processes="self", state=None, everything=True):
        """Where a private bus is: processes, what they hold, files, and the ledger below `state`."""
        began = int(time.time()) - 1
        words = [*self.own(), f"since={self.since}", f"processes={processes}"]
        if everything:
            words += ["ipc", *(f"tree={tree}" for tree in TREES if os.path.isdir(tree))]
            words += [f"owner={pwd.getpwnam(user).pw_uid}" for user in USERS]
            words += [f"tree={tree}" for tree in SHARED_TREES]
        text = self.run(*words)
        if everything:
            self.since = began
        if everything and state:
            text += self.run("stream=ledger, decoded", input=ledger_payloads(state))
        return Report(text)
