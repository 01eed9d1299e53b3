#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""units/likeness-key-setup, with the real systemd-creds where it can be used. argument: SOURCE-DIRECTORY"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

# Stands in for systemd-creds and a TPM: says what it was asked, "encrypts" by writing it down.
CREDS = """#!/bin/sh
echo "$@" >> "$CALLS"
[ -z "$BROKEN" ] || exit 1
case $1 in
encrypt) cat ;;
decrypt) cat "$3" ;;
esac
"""


class KeySetup(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = scratch.name
        self.store = self.place + "/credstore.encrypted"
        self.credential = self.store + "/likeness-keyring"
        self.state = self.place + "/keyring"
        self.environment = {"PATH": os.environ["PATH"], "LIKENESS_CREDENTIAL": self.credential,
                            "LIKENESS_KEYRING_STATE": self.state, "LIKENESS_TPM": self.place + "/tpm",
                            "SYSTEMD_CREDENTIAL_SECRET": self.place + "/credential.secret",
                            "CALLS": self.place + "/calls", "BROKEN": ""}

    def run_script(self, *arguments, status=0, **environment):
        done = subprocess.run([SOURCE + "/units/likeness-key-setup", *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              env={**self.environment, **environment})
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def stand_in(self):
        os.mkdir(self.place + "/bin")
        with open(self.place + "/bin/systemd-creds", "w") as file:
            file.write(CREDS)
        os.chmod(self.place + "/bin/systemd-creds", 0o755)
        self.environment["PATH"] = self.place + "/bin:" + self.environment["PATH"]

    def calls(self):
        with open(self.place + "/calls") as file:
            return file.read().splitlines()

    def read(self):
        with open(self.credential) as file:
            return file.read()

    def decrypt(self):
        return subprocess.run(["systemd-creds", "decrypt", "--name=likeness-keyring", self.credential, "-"], check=True,
                              capture_output=True, text=True, env=self.environment).stdout

    def test_a_password_of_the_host(self):
        """Encrypted; 32 random bytes; nobody else's to read; nothing left beside it; said, but not what it is."""
        if os.geteuid() != 0:
            self.skipTest("the host's key is root's")
        said = self.run_script()
        password = self.decrypt()
        self.assertRegex(password, r"^host:[A-Za-z0-9+/]{43}=$")
        self.assertNotIn(password[5:], said + self.read())
        self.assertEqual(os.listdir(self.store), ["likeness-keyring"])
        self.assertEqual(os.stat(self.credential).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.store).st_mode & 0o777, 0o700)

        before = self.read()
        self.assertEqual(self.run_script(), "")         # never made again
        self.assertEqual(self.read(), before)

        os.unlink(self.credential)
        self.run_script()
        self.assertNotEqual(self.decrypt(), password)

    def test_with_a_tpm(self):
        """Host and TPM together, and bound to no PCR that changes."""
        self.stand_in()
        open(self.place + "/tpm", "w").close()
        self.assertIn("protected by: tpm", self.run_script())
        self.assertEqual(self.calls()[0], "encrypt --name=likeness-keyring --with-key=host+tpm2 --tpm2-pcrs=16 - -")
        self.assertRegex(self.read(), r"^tpm:[A-Za-z0-9+/]{43}=$")

    def test_with_a_software_tpm(self):
        """The real systemd-creds and a TPM 2, which knows nothing any more after each step, as after a start."""
        if os.geteuid() != 0:
            self.skipTest("the host's key is root's")
        if not shutil.which("swtpm"):
            self.skipTest("there is no swtpm")
        open(self.place + "/tpm", "w").close()
        os.mkdir(self.place + "/swtpm")
        self.environment["SYSTEMD_TPM2_DEVICE"] = f"swtpm:path={self.place}/swtpm/socket"
        with self.software_tpm():
            said = self.run_script()
        self.assertIn("protected by: tpm", said)
        with self.software_tpm():
            self.assertRegex(self.decrypt(), r"^tpm:[A-Za-z0-9+/]{43}=$")

    @contextlib.contextmanager
    def software_tpm(self):
        directory = self.place + "/swtpm"
        process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", "dir=" + directory, "--server",
                                    f"type=unixio,path={directory}/socket", "--ctrl",
                                    f"type=unixio,path={directory}/socket.ctrl", "--flags",
                                    "not-need-init,startup-clear"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.exists(directory + "/socket.ctrl") and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield
        finally:
            subprocess.run(["swtpm_ioctl", "--unix", directory + "/socket.ctrl", "-s"], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)          # in order, or it counts as an attack
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def test_without_the_tpm_that_there_is(self):
        self.stand_in()
        open(self.place + "/tpm", "w").close()
        self.assertIn("protected by: host", self.run_script("--host"))
        self.assertEqual(self.calls()[0], "encrypt --name=likeness-keyring --with-key=host - -")
        self.assertRegex(self.read(), "^host:")

    def test_a_tpm_that_cannot_be_used_is_no_reason_for_less(self):
        self.stand_in()
        open(self.place + "/tpm", "w").close()
        self.assertIn("--host", self.run_script(status=1, BROKEN="yes"))
        self.assertEqual(os.listdir(self.store), [])

    def test_a_host_that_cannot_encrypt(self):
        self.stand_in()
        self.assertIn("cannot be encrypted", self.run_script(status=1, BROKEN="yes"))
        self.assertEqual(os.listdir(self.store), [])

    def test_what_cannot_be_decrypted_is_not_kept(self):
        self.stand_in()
        with open(self.place + "/bin/systemd-creds", "w") as file:
            file.write(CREDS.replace('cat "$3"', "exit 1"))
        self.assertIn("cannot be decrypted", self.run_script(status=1))
        self.assertEqual(os.listdir(self.store), [])

    def test_a_keyring_without_its_password_gets_no_other(self):
        self.stand_in()
        for trace in ("production.provisioned", "production/signing.keyring", "production.new/signing.keyring"):
            path = f"{self.state}/{trace}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").close()
            self.assertIn("its password is gone", self.run_script(status=1), trace)
            self.assertFalse(os.path.exists(self.place + "/calls"))
            self.assertFalse(os.path.exists(self.store))
            os.unlink(path)

        os.makedirs(self.state + "/demo")               # a demonstration's has none
        open(self.state + "/demo/signing.keyring", "w").close()
        open(self.state + "/production.lock", "w").close()
        self.run_script()

    def test_a_link_that_leads_nowhere_is_not_replaced(self):
        self.stand_in()
        os.mkdir(self.store)
        os.symlink("/nowhere", self.credential)
        self.run_script()
        self.assertEqual(os.readlink(self.credential), "/nowhere")

    def test_arguments(self):
        self.assertIn("Usage:", self.run_script("--help"))
        self.run_script("--unknown", status=2)
        self.run_script("--host", "more", status=2)
        self.assertFalse(os.path.exists(self.store))


if __name__ == "__main__":
    SOURCE = sys.argv.pop(1)
    if subprocess.run(["sh", "-c", "command -v systemd-creds"], stdout=subprocess.DEVNULL).returncode != 0:
        print("skipped: there is no systemd-creds")
        sys.exit(77)
    unittest.main()
