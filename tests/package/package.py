# SPDX-License-Identifier: Apache-2.0
"""What the tests of the packages share: the built package, and a root directory to try it in."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = (os.path.realpath(path) for path in sys.argv[1:3])
OUTPUT = BUILD + "/deb"
PATIENCE = 900


def read(path):
    with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
        return file.read()


def run(*command, check=True, **more):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=PATIENCE, **more)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}")
    return result


def make_deb(*options):
    """The package's path; it is built only if the tree changed."""
    return run(SOURCE + "/tools/make-deb", "--output=" + OUTPUT, *options).stdout.strip().splitlines()[-1]


def fields(deb):
    """The control file's fields; continued lines are joined."""
    text = re.sub(r"\n ", " ", run("dpkg-deb", "--field", deb).stdout)
    return dict(line.split(": ", 1) for line in text.splitlines())


def contents(deb):
    """Every path in the package, as from "/", with its mode and size: {path: (mode, size)}."""
    found = {}
    for line in run("dpkg-deb", "--contents", deb).stdout.splitlines():
        mode, _, size, _, _, path = line.split(None, 5)
        found[path.split(" -> ")[0][1:]] = (mode, int(size))
    return found


def packages(*kinds):
    """What packages.txt lists under these words."""
    return {words[1] for words in (line.split() for line in read("packages.txt").splitlines()) if words[0] in kinds}


ROOT = r"""
set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o lowerdir=/,upperdir="$1/upper",workdir="$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/run"
mount -t tmpfs tmpfs "$1/root/tmp"
mkdir "$1/root/tmp/given"
mount --bind "$2" "$1/root/tmp/given"
"""


def in_root(script, given=OUTPUT, environment=None):
    """Runs a shell script as root in a copy of this machine's files that nobody else sees and that is gone afterwards;
    the directory `given` is /tmp/given there."""
    with tempfile.TemporaryDirectory() as place:
        return run("unshare", "--mount", "--pid", "--fork", "--propagation=private", "sh", "-c",
                   ROOT + 'exec chroot "$1/root" sh -eu -c "$3"', "sh", place, given, script, check=False,
                   env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", **(environment or {})})


def why_no_root():
    """Why in_root() is not possible here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if in_root("true").returncode != 0:
        return "needs mount namespaces and overlayfs (in a container: --privileged)"
    return None


def main(why_not=lambda: None):
    missing = [program for program in ("dpkg-buildpackage", "dh", "lintian") if not shutil.which(program)]
    reason = f"{missing[0]} is not installed" if missing else why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
