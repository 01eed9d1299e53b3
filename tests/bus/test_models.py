#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Models, manifest and demonstration: what is not as it should be makes checks impossible, with the name and the fix."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile

import harness
import pictures
import services
from client import BusError, Client, Request
from harness import PLACE

MODELS = PLACE + "/models"
MANIFEST = PLACE + "/manifest"


def entries():
    """Name and file of each model in the manifest."""
    found = []
    with open(MANIFEST) as file:
        for line in file:
            if line.startswith("["):
                found.append([line.strip()[1:-1], None])
            elif line.startswith("File="):
                found[-1][1] = line.strip().removeprefix("File=")
    return found


class Case(harness.TestCase):
    def error(self):
        with self.assertRaises(BusError) as caught:
            Client().verify(Request(pictures.portrait(4)))
        self.assertEqual(services.pictures_staying(), [])
        return caught.exception

    def unavailable(self, *words):
        error = self.error()
        self.assertEqual(error.name, harness.ERROR + "Unavailable", error)
        for word in words:
            self.assertIn(word, error.message)

    def works_again(self):
        self.assertEqual(Client().verify(Request(pictures.portrait(4))).verdict, "match")


class Models(Case):
    terminal = harness.Terminal(clip="person04-live.avi")

    @contextlib.contextmanager
    def copy(self):
        """A copy of the models in the place of the original."""
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            for name, file in entries():
                shutil.copyfile(f"{MODELS}/{file}", f"{directory}/{file}")
                os.chmod(f"{directory}/{file}", 0o644)
            with services.instead(MODELS, directory):
                yield directory

    def test_each_missing(self):
        for name, file in entries():
            with self.subTest(model=name), self.copy() as directory:
                os.unlink(f"{directory}/{file}")
                self.unavailable(name, file, "missing", "Install the models again")
        self.works_again()

    def test_each_altered(self):
        """One bit is enough."""
        for name, file in entries():
            with self.subTest(model=name), self.copy() as directory:
                with open(f"{directory}/{file}", "r+b") as model:
                    model.seek(os.path.getsize(f"{directory}/{file}") // 2)
                    byte = model.read(1)
                    model.seek(-1, os.SEEK_CUR)
                    model.write(bytes([byte[0] ^ 1]))
                self.unavailable(name, file, "SHA-256", "Install the models again")
        self.works_again()

    def test_other_things_in_its_place(self):
        name, file = entries()[1]

        def empty(path):
            open(path, "w").close()

        def unreadable(path):
            shutil.copyfile(f"{harness.models_directory()}/{file}", path)
            os.chmod(path, 0)

        def longer(path):
            shutil.copyfile(f"{harness.models_directory()}/{file}", path)
            os.chmod(path, 0o644)
            with open(path, "ab") as model:
                model.write(b"\0")

        for make in (empty, unreadable, longer, os.mkdir, os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
            with self.subTest(make=make.__name__), self.copy() as directory:
                os.unlink(f"{directory}/{file}")
                make(f"{directory}/{file}")
                self.unavailable(name, file, "Install the models again")

    def test_all_missing(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            with services.instead(MODELS, directory):
                self.unavailable(entries()[0][0], "missing")

    def test_manifest_altered_under_way(self):
        """The examiner reads it again each time: a hash that nobody installed is no model."""
        with open(MANIFEST) as file:
            text = file.read()
        name = entries()[1][0]
        before, after = text.split("SHA256=", 2)[0:2], text.split("SHA256=", 2)[2]
        altered = "SHA256=".join(before) + "SHA256=" + ("0" if after[0] != "0" else "1") + after[1:]
        with services.instead(MANIFEST, harness.file_of(altered.encode(), "altered-manifest")):
            self.unavailable(name, "SHA-256")
        for garbage in (b"", b"\0" * 1000, b"This is no manifest.\n", text.replace("Kind=matcher", "Kind=detector").encode(),
                        text.replace("SHA256=", "SHA257=").encode()):
            with self.subTest(garbage=garbage[:20]), \
                    services.instead(MANIFEST, harness.file_of(garbage, "altered-manifest")):
                self.unavailable()
        self.works_again()

    def test_public_properties_name_the_models(self):
        models = Client("nobody").get("Models")
        self.assertEqual(set(models), {name for name, file in entries()})
        with open(MANIFEST) as file:
            text = file.read()
        for name, digest in models.items():
            self.assertIn("SHA256=" + digest, text)


class OtherManifest(Case):
    terminal = harness.Terminal(clip="person04-live.avi")

    @contextlib.contextmanager
    def daemon(self, *arguments):
        """likenessd with other models' arguments, then again with its own."""
        daemon = services.Daemon()
        own = daemon.arguments
        daemon.arguments = [word for word in own if not word.startswith(("--manifest=", "--models="))] + list(arguments)
        daemon.start()
        try:
            yield daemon
        finally:
            daemon.arguments = own
            daemon.start()

    def test_likenessd_without_manifest_says_so(self):
        """It starts, and answers every call with what to do."""
        for manifest in (harness.file_of(b"This is no manifest.\n", "no-manifest"), "/nowhere/manifest"):
            with self.subTest(manifest=manifest), self.daemon("--manifest=" + manifest) as daemon:
                self.unavailable(manifest, "missing or cannot be used", "likenessctl models pack")
                self.assertIn(manifest, services.log())
                self.assertEqual(Client("nobody").get("Models"), {})
                daemon.process.send_signal(signal.SIGHUP)
                self.unavailable(manifest)
        self.works_again()

    def test_the_models_own_manifest_comes_first(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            with open(MANIFEST) as file:
                text = file.read()
            with open(directory + "/manifest", "w") as file:
                file.write(text.replace("[yunet]", "[another]"))
            with self.daemon("--models=" + directory):
                self.assertIn("another", Client("nobody").get("Models"))
            with self.daemon("--models=" + directory, "--manifest=" + MANIFEST):
                self.assertIn("yunet", Client("nobody").get("Models"))


class OtherDemo(Case):
    """likenessd is a demonstration, its examiner is not."""

    terminal = harness.Terminal("--no-demo=examiner", clip="person04-live.avi")

    def test_refused(self):
        """Before it is given anything: not only for want of its sandbox."""
        self.unavailable("examiner")
        self.assertIn("it refused an order", services.log())


class OtherDemoDaemon(Case):
    """The examiner is a demonstration, likenessd is not; there is no camera but the recordings."""

    terminal = harness.Terminal("--no-demo=likenessd", clip=None)

    def test_refused(self):
        """For want of a camera or of the production's key, whichever is missed first."""
        self.assertIn(self.error().name, (harness.ERROR + "NoCamera", harness.ERROR + "Unavailable"))

    def test_no_recording_without_demo(self):
        words = services.arguments(services.likenessd())
        done = subprocess.run([*words, "--face-camera=" + harness.data("person04-live.avi")], capture_output=True,
                              text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("only with --demo", done.stderr)


if __name__ == "__main__":
    harness.main()
