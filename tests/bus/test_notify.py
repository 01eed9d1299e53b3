#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""What the service manager hears of likenessd: that it is ready and no sooner, that it lives, and no word of a customer."""

import os
import signal
import socket
import time

import harness
import pictures
import services
from client import Client, Request, spin
from harness import PLACE, eventually

WATCHDOG_SECONDS = 1


class Manager:
    """The service manager's socket; likenessd is started anew to know it."""

    def __init__(self, **environment):
        self.socket, path = services.manager_socket(socket.SOCK_NONBLOCK)
        self.heard = []
        self.daemon = services.Daemon()
        self.before = dict(self.daemon.environment)
        self.daemon.environment.update(NOTIFY_SOCKET=path, **environment)
        self.daemon.start()

    def listen(self):
        """All messages so far."""
        while True:
            try:
                self.heard.append((time.monotonic(), self.socket.recv(8192).decode().split("\n")))
            except BlockingIOError:
                return [lines for _, lines in self.heard]

    def count(self, line):
        return sum(line in lines for lines in self.listen())

    def statuses(self):
        return [line.removeprefix("STATUS=") for lines in self.listen() for line in lines if line.startswith("STATUS=")]

    def close(self):
        self.daemon.environment = self.before
        self.daemon.start()
        self.socket.close()


class Case(harness.TestCase):
    terminal = harness.Terminal(clip="person04-live.avi")

    def manager(self, **environment):
        manager = Manager(**environment)
        self.addCleanup(manager.close)
        return manager


class Told(Case):
    def test_ready(self):
        """services.Daemon waits for the name; whoever is told READY=1 must find it."""
        manager = self.manager()
        self.assertTrue(eventually(lambda: manager.count("READY=1"), 5))
        self.assertEqual(manager.listen(), [["READY=1", "STATUS=Ready."]])

    def test_not_before_the_name_is_owned(self):
        """The helper that has the key is held up: nobody can be answered yet."""
        manager = self.manager()
        self.assertTrue(eventually(lambda: manager.count("READY=1"), 5))
        with services.stopped(services.processes("systemd-socket-activate")[-1]):
            os.kill(services.likenessd(), signal.SIGTERM)
            self.assertTrue(eventually(lambda: manager.daemon.process.poll() is not None, 10))
            manager.heard.clear()
            manager.listen()
            manager.heard.clear()
            manager.daemon.process = self.start_only(manager.daemon)
            spin(lambda: False, 1)
            self.assertEqual(manager.count("READY=1"), 0)
            self.assertFalse(Client("root").owner(harness.NAME))
        self.assertTrue(eventually(lambda: manager.count("READY=1"), 10))
        self.assertTrue(Client("root").owner(harness.NAME))

    def start_only(self, daemon):
        import pwd
        import subprocess

        entry = pwd.getpwnam("likeness")
        with open(os.environ["LIKENESS_LOG"], "a") as file:
            return subprocess.Popen(daemon.arguments, env=daemon.environment, stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=file, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])

    def test_no_key(self):
        manager = self.manager()
        manager.daemon.arguments = [*manager.daemon.arguments, "--keyring-socket=/nowhere"]
        self.addCleanup(manager.daemon.arguments.pop)
        manager.listen()
        manager.heard.clear()
        manager.daemon.start()
        self.assertTrue(eventually(lambda: manager.count("READY=1"), 10))
        self.assertRegex(manager.statuses()[-1], "^No check can be made: .*keyring")
        self.assertIsNone(manager.daemon.process.poll())

    def test_end(self):
        manager = self.manager()
        os.kill(manager.daemon.process.pid, signal.SIGTERM)
        self.assertTrue(eventually(lambda: manager.count("STOPPING=1"), 5))
        self.assertEqual(manager.statuses()[-1], "Ending.")

    def test_not_a_word_of_customers(self):
        """Of checks that end well, badly, and not at all, nothing is heard: everybody may listen."""
        manager = self.manager()
        self.assertTrue(eventually(lambda: manager.count("READY=1"), 5))
        before = len(manager.listen())
        Client().verify(Request(pictures.portrait(4)))
        Client().start(Request(b"no picture")).outcome()
        caller = Client()
        caller.start(Request(pictures.portrait(4)))
        spin(caller.prompts)
        caller.close()
        services.wait_idle()
        self.assertEqual(len(manager.listen()), before)


class Watchdog(Case):
    @classmethod
    def setUpClass(cls):
        # preloaded libraries and the sanitizers' own do not go together
        cls.sanitized = services.has_sanitizer()

    def setUp(self):
        super().setUp()
        self.hang = PLACE + "/hang-sync"
        more = {} if self.sanitized else {"LD_PRELOAD": harness.build_directory() + "/tests/bus/sync-shim.so",
                                          "HANG_SYNC": self.hang}
        self.watched = self.manager(WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1000000), **more)

    def signs(self, seconds):
        """How many signs of life come."""
        self.watched.listen()
        before = self.watched.count("WATCHDOG=1")
        spin(lambda: False, seconds)
        return self.watched.count("WATCHDOG=1") - before

    def test_idle_and_at_work(self):
        self.assertGreaterEqual(self.signs(2 * WATCHDOG_SECONDS), 2)
        call = Client().start(Request(pictures.portrait(4)))
        self.assertGreaterEqual(self.signs(2 * WATCHDOG_SECONDS), 2)
        self.assertTrue(spin(call.is_over))

    def test_stopped(self):
        with services.stopped(services.likenessd()):
            self.assertLessEqual(self.signs(2 * WATCHDOG_SECONDS), 1)       # one was perhaps on its way

    def test_hung(self):
        """The process lives, and its main loop waits for a disk that does not answer: that is no sign of life."""
        if self.sanitized:
            self.skipTest("preloaded libraries and the sanitizers' own do not go together")
        open(self.hang, "w").close()
        caller = Client()
        try:
            caller.start(Request(pictures.portrait(4)))
            spin(lambda: False, 0.5)
            self.assertEqual(self.signs(2 * WATCHDOG_SECONDS), 0)
        finally:
            os.unlink(self.hang)
        self.assertGreaterEqual(self.signs(2 * WATCHDOG_SECONDS), 2)
        caller.close()


if __name__ == "__main__":
    harness.main()
