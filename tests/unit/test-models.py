#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""likenessctl models: the package it makes of a directory, and what it refuses. arguments: BUILD-DIRECTORY"""

import gzip
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

LIKENESSCTL = os.path.realpath(sys.argv[1]) + "/client/likenessctl/likenessctl"
PLACE = "usr/share/likeness/models"
FILES = {"finder.onnx": b"finds faces" * 1000, "alive.onnx": b"tells the living", "m.onnx": bytes(range(256)) * 50}
LICENCES = {"MIT_LICENSE": "MIT License\n\nCopyright (c) 2020 Somebody\n\nPermission is hereby granted…\n",
            "Apache_LICENSE": "Apache License\n"}
MANIFEST = """# what a site uses
[finder]
Kind=detector
Title=Finds faces
File=finder.onnx
SHA256={finder.onnx}
Upstream=https://example.org/finder.onnx
Licence=MIT
LicenceFile=MIT_LICENSE

[alive]
Kind=liveness
File=alive.onnx
SHA256={alive.onnx}
Licence=Apache-2.0
LicenceFile=Apache_LICENSE
Input=80x80
Classes=3
LiveClass=1

[matcher]
Kind=matcher
File=m.onnx
SHA256={m.onnx}
Licence=Apache-2.0
LicenceFile=Apache_LICENSE
Input=128x128
Points=0.3 0.4 0.6 0.4 0.5 0.6 0.4 0.8 0.6 0.8
NoMatchBelow=0.3
Calibration=here 100000 0.01:0.2 0.001:0.3 0.0001:0.42
"""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Models(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = scratch.name
        self.models = self.place + "/models"
        os.makedirs(self.models + "/licenses")
        for name, data in FILES.items():
            self.write(name, data)
        for name, text in LICENCES.items():
            self.write("licenses/" + name, text.encode())
        self.manifest = MANIFEST
        for name, data in FILES.items():
            self.manifest = self.manifest.replace("{" + name + "}", sha256(data))
        self.write("manifest", self.manifest.encode())
        self.write("of-no-interest.onnx", b"not in the manifest")

    def write(self, name, data):
        with open(f"{self.models}/{name}", "wb") as file:
            file.write(data)

    def ctl(self, *arguments, status=0, **more):
        result = subprocess.run([LIKENESSCTL, "models", *arguments], cwd=self.place, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=120, **more)
        self.assertEqual(result.returncode, status, result)
        return result

    def pack(self, *arguments, **more):
        return self.place + "/" + self.ctl("pack", self.models, *arguments, **more).stdout.strip()

    def refused(self, *words, arguments=(), status=1, **more):
        """Nothing is left of a package that was not made."""
        before = sorted(os.listdir(self.place))
        result = self.ctl("pack", self.models, *arguments, status=status, **more)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(sorted(os.listdir(self.place)), before)

    def deb(self, *arguments):
        return subprocess.run(["dpkg-deb", *arguments], check=True, capture_output=True, text=True).stdout

    def test_what_it_holds(self):
        deb, root = self.pack(), self.place + "/root"
        self.deb("--extract", deb, root)
        found = {}
        for directory, _, names in os.walk(root):
            for name in names:
                path = os.path.relpath(f"{directory}/{name}", root)
                with open(f"{root}/{path}", "rb") as file:
                    found[path] = file.read()
                self.assertEqual(os.stat(f"{root}/{path}").st_mode & 0o7777, 0o644, path)

        doc = "usr/share/doc/likeness-models/"
        copyright_text, changelog = found.pop(doc + "copyright").decode(), gzip.decompress(found.pop(doc + "changelog.gz"))
        for words in ("Copyright (c) 2020 Somebody", "finder.onnx", "From: https://example.org/finder.onnx",
                      "Licence: MIT, see licenses/MIT_LICENSE", "Licence: Apache-2.0, see licenses/Apache_LICENSE"):
            self.assertIn(words, copyright_text)
        self.assertIn(f"({self.deb('--field', deb, 'Version').strip()})", changelog.decode())

        sums = found.pop(PLACE + "/SHA256SUMS").decode()
        expected = {f"{PLACE}/{name}": data for name, data in FILES.items()}
        expected.update({f"{PLACE}/licenses/{name}": text.encode() for name, text in LICENCES.items()})
        expected[PLACE + "/manifest"] = self.manifest.encode()
        self.assertEqual(found, expected)
        self.assertEqual(sums, "".join(f"{sha256(data)}  {path[len(PLACE) + 1:]}\n"
                                       for path, data in sorted(expected.items())))

        control = self.place + "/control"
        self.deb("--control", deb, control)
        result = subprocess.run(["md5sum", "--check", "--strict", control + "/md5sums"], cwd=root, capture_output=True)
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(sorted(os.listdir(control)), ["control", "md5sums"])   # nothing of it is run

    def test_fields(self):
        deb = self.pack()
        self.assertEqual(os.path.basename(deb), f"likeness-models_{self.deb('--field', deb, 'Version').strip()}_all.deb")
        self.assertEqual(self.deb("--field", deb, "Package", "Architecture", "Enhances"),
                         "Package: likeness-models\nArchitecture: all\nEnhances: likeness\n")
        self.assertNotIn("Depends", self.deb("--info", deb))
        for line in self.deb("--contents", deb).splitlines():
            self.assertEqual(line.split()[1], "root/root")

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not installed")
    def test_lintian_finds_nothing(self):
        result = subprocess.run(["lintian", "--pedantic", "--fail-on", "error,warning,pedantic", self.pack()],
                                capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (0, ""), result)

    def test_same_files_same_bytes(self):
        """Whenever and wherever, and whatever else is there."""
        first = self.pack()
        other = self.place + "/other"
        shutil.copytree(self.models, other)
        os.unlink(other + "/of-no-interest.onnx")
        for directory, _, names in os.walk(other):
            for name in names:
                os.utime(f"{directory}/{name}", (1, 1))
                os.chmod(f"{directory}/{name}", 0o600)
        self.ctl("pack", other, "--output=again.deb", env={**os.environ, "TZ": "Asia/Seoul", "LC_ALL": "C"})
        with open(first, "rb") as a, open(self.place + "/again.deb", "rb") as b:
            one, other = a.read(), b.read()
        self.assertEqual(one, other)
        # both were made in the same second, so the times are looked at as well
        self.assertEqual([int(field) for field in re.findall(rb"\S+ +(\d+) +0 +0 +100644 +\d+ *`\n", one)], [946684800] * 3)
        listed = subprocess.run(["dpkg-deb", "--contents", first], check=True, capture_output=True, text=True,
                                env={**os.environ, "TZ": "UTC"}).stdout.splitlines()
        self.assertEqual({tuple(line.split()[3:5]) for line in listed}, {("2000-01-01", "00:00")})

    def test_other_files_another_version(self):
        """And the release decides which is the newer one."""
        first = self.pack()
        self.write("licenses/MIT_LICENSE", b"Another text\n")
        second, third = self.pack(), self.pack("--release=2")
        versions = [self.deb("--field", deb, "Version").strip() for deb in (first, second, third)]
        self.assertEqual(len(set(versions)), 3)
        for version in versions[:2]:
            self.assertTrue(version.startswith("1+"))
            subprocess.run(["dpkg", "--compare-versions", version, "lt", versions[2]], check=True)

    def test_each_wrong_and_missing_model_is_named(self):
        self.write("finder.onnx", b"another")
        os.unlink(self.models + "/m.onnx")
        self.refused("finder.onnx: is another file than the manifest names", sha256(b"another"),
                     sha256(FILES["finder.onnx"]), "m.onnx: No such file", "no package was made")

    def test_one_file_of_two_models(self):
        """Each model's hash is compared, also if the file is there because of another one, or is the manifest itself."""
        for file in ("finder.onnx", "manifest"):
            with self.subTest(file=file):
                changed = self.manifest.replace("File=alive.onnx", "File=" + file)
                self.assertNotEqual(changed, self.manifest)
                self.write("manifest", changed.encode())
                self.refused(f"{file}: is another file than the manifest names", sha256(FILES["alive.onnx"]))

    def test_what_is_no_file(self):
        for make in (os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            with self.subTest(make=make):
                path = self.models + "/alive.onnx"
                os.unlink(path)
                make(path)
                self.refused("alive.onnx: ")
                if os.path.isdir(path):
                    os.rmdir(path)
                    self.write("alive.onnx", b"")

    def test_each_licence_must_be_there(self):
        os.unlink(self.models + "/licenses/MIT_LICENSE")
        self.refused("licenses/MIT_LICENSE: No such file", "put the text of the licence of finder (MIT) there")
        self.write("licenses/MIT_LICENSE", b"text")
        for line in ("Licence=MIT\n", "LicenceFile=MIT_LICENSE\n"):
            self.write("manifest", self.manifest.replace(line, "").encode())
            self.refused("[finder] lacks Licence= or LicenceFile=")

    def test_licences_elsewhere(self):
        os.rename(self.models + "/licenses", self.place + "/texts")
        self.refused("licenses/Apache_LICENSE", "licenses/MIT_LICENSE")
        self.pack("--licenses=" + self.place + "/texts")

    def test_names_that_lead_elsewhere(self):
        for line in ("LicenceFile=../manifest", "LicenceFile=.hidden", "LicenceFile="):
            self.write("manifest", self.manifest.replace("LicenceFile=MIT_LICENSE", line).encode())
            self.refused("LicenceFile", status=3)

    def test_another_manifest(self):
        os.rename(self.models + "/manifest", self.place + "/elsewhere")
        root = self.place + "/root"
        self.deb("--extract", self.pack("--manifest=elsewhere"), root)
        with open(f"{root}/{PLACE}/manifest") as file:
            self.assertEqual(file.read(), self.manifest)

    def test_what_cannot_be_read(self):
        self.assertIn("/nowhere", self.ctl("pack", "/nowhere", "--manifest=/nowhere/m", status=3).stderr)
        self.write("manifest", b"This is no manifest.\n")
        self.refused("manifest", status=3)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody who may not read")
    def test_unreadable_directory(self):
        os.chmod(self.place, 0o755)
        os.chmod(self.models, 0o700)
        self.refused("Permission denied", status=3, user=65534, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})

    def test_nothing_is_replaced(self):
        deb = self.pack()
        with open(deb, "w") as file:
            file.write("mine")
        self.refused("File exists", status=3)
        self.refused("File exists", arguments=["--output=" + deb], status=3)
        with open(deb) as file:
            self.assertEqual(file.read(), "mine")
        self.refused("/nowhere/x.deb", arguments=["--output=/nowhere/x.deb"], status=3)

    def test_a_full_disk(self):
        def small_files():
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

        self.refused("cannot be written", status=3, preexec_fn=small_files)

    def test_wrong_usage(self):
        for arguments in ((), ("pack",), ("pack", self.models, "more"), ("unpack", self.models),
                          ("pack", self.models, "--release=0"), ("pack", self.models, "--release=1.2"),
                          ("pack", self.models, "--release=12345678901"), ("check", "--output=x"),
                          ("check", "--licenses=x"), ("pack", self.models, "--nonsense")):
            self.ctl(*arguments, status=2)

    def test_check(self):
        said = self.ctl("check", self.models).stdout
        for name in FILES:
            self.assertIn(name + " is the manifest's\n", said)
        self.write("m.onnx", FILES["m.onnx"] + b"\0")
        os.unlink(self.models + "/alive.onnx")
        result = self.ctl("check", self.models, status=1)
        self.assertIn("m.onnx: is another file", result.stderr)
        self.assertIn("alive.onnx: No such file", result.stderr)
        self.assertIn("finder.onnx is the manifest's\n", result.stdout)
        self.ctl("check", self.models, "--manifest=/nowhere/m", status=3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
