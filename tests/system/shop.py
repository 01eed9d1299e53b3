# SPDX-License-Identifier: Apache-2.0
"""What an administrator sets up on a terminal where Likeness is installed, and what a clerk does there."""

import base64
import glob
import json
import os
import re
import secrets
import shutil
import subprocess

from terminal import CAMERA, NAME, OBJECT, PATIENCE, Failed, Terminal, eventually
from testdata import data

# The terminal keeps the name that it got when the package was installed: its ledger began with that.
CONFIGURATION = """\
[Verification]
Mode=enforce
ReferenceSources=supplied
MinimumChallenge=none
"""
RULE = "/usr/share/likeness/examples/likeness-operators.rules"
LEDGER = "/var/lib/likeness/ledger"
EXAMINERS, DECODERS = "likeness.slice/likeness-examiner.slice", "likeness.slice/likeness-decoder.slice"

# The mock camera stands behind a library that is loaded into whoever opens the camera, and asks a process of the test's
# over a socket in a directory. That is all that is relaxed: in the camera's directory files can be written to (the camera's
# node is one), and sockets of the file system can be made and connected. Everything else of the units stays as it is.
# (Working in "/", that library takes any relative path for one below it.)
CAMERA_SETTINGS = f"""\
[Service]
Environment=LD_PRELOAD={CAMERA}/libumockdev-preload.so.0:{CAMERA}/mock-shim.so
Environment=UMOCKDEV_DIR=@bed@
WorkingDirectory={CAMERA}
"""
CAMERA_EXAMINER = f"""\
ReadWritePaths={CAMERA}
RestrictAddressFamilies=AF_UNIX
SystemCallFilter=socket connect bind unlink
"""


def claims_of(receipt):
    """What a receipt says; its signature is not looked at."""
    return json.loads(unpadded(receipt.split(".")[1]))


def header_of(receipt):
    return json.loads(unpadded(receipt.split(".")[0]))


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Answer:
    """What likenessctl verify --json said: `status`, `verdict`, `error` and all fields."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stderr = status, stderr
        try:
            self.fields = json.loads(stdout)
        except ValueError:
            self.fields = {}
        self.verdict, self.error = self.fields.get("verdict"), self.fields.get("error")
        self.receipt = self.fields.get("receipt")

    @property
    def claims(self):
        return claims_of(self.receipt)

    def __repr__(self):
        return f"status {self.status}: {self.fields} {self.stderr}"


class Shop(Terminal):
    ledger_directory = LEDGER

    def set_up(self, configuration=CONFIGURATION):
        """As an administrator: the operators' rule, a clerk, somebody who is none, the configuration."""
        self.shell("root", "useradd --create-home --groups likeness-operators clerk && useradd --create-home visitor")
        self.shell("root", f"cp {RULE} /etc/polkit-1/rules.d/50-likeness-operators.rules")
        self.write("/etc/likeness/likeness.conf", configuration)
        for user in ("clerk", "visitor"):
            self.copy(data("person01-portrait.jpg"), f"/home/{user}/portrait.jpg")
        self.run("root", "systemctl", "restart", "likenessd.service")
        return self

    def wait_served(self, seconds=PATIENCE):
        """Until likenessd owns its name; its bus says so, without asking it to start."""
        ask = ("busctl", "--quiet", "status", NAME)
        if not eventually(lambda: self.run("root", *ask, check=False).returncode == 0, seconds):
            raise Failed("likenessd does not come:\n" + "\n".join(self.messages("--unit=likenessd.service")[-20:]))

    # --- the camera

    def connect_camera(self, clip="person01-live.avi", **faults):
        """A V4L2 camera that plays a recording, or (None) shows a pattern, in which no face will ever be found. Its faults
        are MOCK_CAMERA_… of tests/pipeline/v4l2-mock-main.c. likenessd is started anew."""
        build = os.environ["LIKENESS_TEST_BUILD"] + "/tests/pipeline"
        if not self.exists(CAMERA + "/v4l2-mock"):
            os.makedirs(self.path(CAMERA), mode=0o755)
            libraries = ["libumockdev-preload.so.0"]
            for line in subprocess.run(["ldd", build + "/v4l2-mock"], capture_output=True, text=True,
                                       check=True).stdout.splitlines():
                libraries += re.findall(r"^\s*(\S+) => /", line)
            for library in libraries:
                found = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
                source = re.search(rf"^\s*{re.escape(library)} .*=> (\S+)$", found, re.MULTILINE)
                if source and not re.match(r"lib(c|m|dl|pthread|rt)\.so", library):
                    self.copy(source.group(1), f"{CAMERA}/{library}", mode=0o755)
            for program in ("v4l2-mock", "mock-shim.so"):
                self.copy(f"{build}/{program}", f"{CAMERA}/{program}", mode=0o755)
        self.unplug_camera()
        if clip:
            self.copy(data(clip) if "/" not in clip else clip, CAMERA + "/clip.avi")
            faults = {"MOCK_CAMERA_CLIP": CAMERA + "/clip.avi", **faults}
        variables = {"LD_PRELOAD": f"{CAMERA}/libumockdev-preload.so.0:{CAMERA}/mock-shim.so", "TMPDIR": CAMERA,
                     "LD_LIBRARY_PATH": CAMERA, **faults}
        self.run("root", "systemd-run", "--quiet", "--unit=mock-camera", "--property=Type=exec",
                 *[f"--setenv={key}={value}" for key, value in variables.items()],
                 CAMERA + "/v4l2-mock", "sleep", "infinity")
        bed = eventually(lambda: glob.glob(self.path(CAMERA) + "/umockdev.*/ioctl/dev/video0"), 10)
        if not bed:
            raise Failed("no mock camera:\n" + "\n".join(self.messages("--unit=mock-camera.service")))
        bed = bed[0].split("/")[-4]
        # all of /sys is the mock's to who has its library, and likenessd looks at control groups there
        os.mkdir(f"{self.path(CAMERA)}/{bed}/sys/fs")
        os.symlink("/sys/fs/cgroup", f"{self.path(CAMERA)}/{bed}/sys/fs/cgroup")
        settings = CAMERA_SETTINGS.replace("@bed@", f"{CAMERA}/{bed}")
        self.drop_in("likenessd.service", settings, "40-camera.conf")
        self.drop_in("likeness-examiner@.service", settings + CAMERA_EXAMINER, "40-camera.conf")
        self.run("root", "systemctl", "try-restart", "likenessd.service")

    def unplug_camera(self):
        self.run("root", "systemctl", "stop", "mock-camera.service", check=False)
        for path in glob.glob(self.path(CAMERA) + "/umockdev.*"):
            shutil.rmtree(path)

    # --- the clerk

    def arguments(self, user="clerk", **more):
        """likenessctl verify with a new transaction, nonce and so on; an option that is None is left out."""
        options = {"reference": f"/home/{user}/portrait.jpg", "document": "passport", "challenge": "none",
                   "nonce": secrets.token_urlsafe(24), "transaction": "sale-" + secrets.token_hex(4),
                   "notice": "privacy-1", "operator": "kim", **more}
        return ["likenessctl", "verify", "--json", *[f"--{key}={value}" for key, value in options.items()
                                                     if value is not None]]

    def verify(self, user="clerk", **more):
        done = self.run(user, *self.arguments(user, **more), check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def begin_verifying(self, user="clerk", **more):
        """Returns when the examiner works; finish_verifying() with it gives the answer."""
        process = self.start(user, *self.arguments(user, **more))
        if not eventually(lambda: self.populated(EXAMINERS) or process.poll() is not None, 20) or \
                process.poll() is not None:
            raise Failed(f"no examiner came: {self.finish_verifying(process)}")
        return process

    def finish_verifying(self, process):
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return Answer(process.returncode, stdout, stderr)

    # --- what was recorded

    def receipts(self):
        """All entries of the ledger as they are on disk."""
        lines = []
        for path in sorted(glob.glob(self.path(self.ledger_directory) + "/*.jws")):
            with open(path) as file:
                lines += file.read().splitlines()
        return lines

    def ledger(self, kind=None):
        """What the entries say, of one kind or all."""
        return [claims for claims in map(claims_of, self.receipts()) if kind in (None, claims["entry"])]

    def headers(self):
        return [header_of(receipt) for receipt in self.receipts()]

    def public_keys(self):
        """What a carrier registers: the present key is its "jwk"."""
        return json.loads(self.run("root", "likenessctl", "provision", "--json").stdout)

    def check_ledger(self):
        """likenessctl's own judgement of the whole ledger; raises Failed."""
        self.shell("root", "cd $(mktemp -d) && likenessctl provision --json >provision.json && "
                           "likenessctl ledger export --output ledger.jws && "
                           "likenessctl ledger verify ledger.jws --keys provision.json")

    def busctl(self, user, *arguments, **more):
        return self.run(user, "busctl", *arguments, **more)

    def get(self, name, user="visitor"):
        return self.busctl(user, "get-property", NAME, OBJECT, NAME, name).stdout.strip()
