#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The terminal's own entry "health": what it says, that it counts from one to the next, and that it tells of nobody.
Written every two seconds here, not once a day."""

import hashlib
import json
import os

import harness

try:
    import client
    import pictures
    import services
    import test_receipts as receipts
except ImportError:
    pass                            # outside, where nothing of this is used

COMMON = {"version", "entry", "terminal", "key-protection", "sequence", "previous", "time", "clock", "boot",
          "boot-time"}


def often(scratch):
    """likenessd with another option."""
    path = scratch + "/likenessd"
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\nexec {harness.PLACE}/build/daemon/likenessd/likenessd --health-interval=2 \"$@\"\n")
    os.chmod(path, 0o755)
    return [f"--likenessd={path}"]


def health():
    return [e for e in receipts.entries() if e["entry"] == "health"]


def summed(entries, group):
    """Counts of several entries added up."""
    total = {}
    for entry in entries:
        for word, count in entry[group].items():
            total[word] = total.get(word, 0) + count
    return total


class Health(harness.TestCase):
    terminal = harness.Terminal(prepare=often)

    def verify(self, number):
        caller = client.Client("clerk")
        answer = caller.verify(client.Request(pictures.portrait(number)))
        caller.close()
        return answer

    def wait_for_another(self):
        """Until one was written that was begun after this call."""
        before = len(health())
        self.assertTrue(harness.eventually(lambda: len(health()) > before, 20), "no further entry")
        return health()

    def test_1_says_what_the_terminal_is(self):
        entry = self.wait_for_another()[0]
        self.assertEqual(set(entry) - COMMON, {"software", "mode", "models", "checks", "answers", "aborted", "camera"})
        self.assertEqual(entry["camera"], "recording")
        self.assertEqual((entry["mode"], entry["checks"], entry["answers"], entry["aborted"]), ("pilot", 0, {}, {}))
        hashes = set()
        for name in os.listdir(harness.models_directory()):
            path = f"{harness.models_directory()}/{name}"
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    hashes.add(hashlib.sha256(file.read()).hexdigest())
        self.assertTrue(entry["models"])
        self.assertLessEqual(set(entry["models"].values()), hashes)

    def test_2_counts_and_begins_anew(self):
        self.assertEqual(self.verify(1).verdict, "match")
        self.verify(2)
        entries = self.wait_for_another()
        closings = [e for e in receipts.entries() if e["entry"] == "closed"]
        self.assertEqual(sum(e["checks"] for e in entries), 2)
        self.assertEqual(summed(entries, "answers"),
                         {v: [e["verdict"] for e in closings].count(v) for v in {e["verdict"] for e in closings}})
        self.assertEqual(self.wait_for_another()[-1]["checks"], 0)

    def test_3_no_time_of_a_single_customer(self):
        self.verify(1)
        self.assertFalse([e for e in self.wait_for_another() if "p95" in e])

    def test_4_the_ledger_is_whole_and_the_schema_holds(self):
        self.wait_for_another()
        result = receipts.audit()
        self.assertEqual(result.returncode, 0, result.stdout)
        with open(harness.source_directory() + "/schemas/receipt.schema.json") as file:
            branch = next(b for b in json.load(file)["oneOf"] if b["properties"]["entry"].get("const") == "health")
        for entry in health():
            self.assertLessEqual(set(entry), set(branch["properties"]))
            self.assertLessEqual(set(branch["required"]), set(entry))

    def test_5_memory_stays(self):
        """No entry leaves anything behind in the daemon."""
        def anonymous():
            with open(f"/proc/{services.likenessd()}/smaps_rollup") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))

        with open(f"/proc/{services.likenessd()}/maps") as file:
            if "libasan" in file.read():
                self.skipTest("the sanitizer keeps freed memory")
        self.wait_for_another()
        before = anonymous()
        for _ in range(4):
            self.wait_for_another()
        self.assertLess(anonymous() - before, 64)


class Retention(harness.TestCase):
    """KeepDays=: with the daily entry, exported segments that are older go, and what is left is whole."""

    terminal = harness.Terminal(prepare=often)

    def days(self, n):
        """The wall clock goes on; until it was looked at."""
        before = len(health())
        harness.file_of(f"{n * 86400} synchronised\n".encode(), "clock-offset")
        self.assertTrue(harness.eventually(lambda: len(health()) > before + 1, 20))

    def decline(self):
        caller = client.Client("clerk")
        caller.start(client.Request(cause="refused", alternative="other").remove("document").remove("challenge"),
                     "Decline").wait()
        caller.close()

    def test_old_exported_entries_go(self):
        with open(harness.PLACE + "/likenessd.conf", "a") as file:
            file.write("[Ledger]\nKeepDays=30\n")
        harness.file_of(b"0 synchronised\n", "clock-offset")
        services.Daemon({"LD_PRELOAD": harness.build_directory() + "/tests/bus/clock-shim.so",
                         "CLOCK_OFFSET": harness.PLACE + "/clock-offset",
                         "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
        for day in (0, 8, 16, 24):
            self.days(day)
            self.decline()
        self.assertEqual(receipts.entries()[0]["sequence"], 1)

        # old enough, and nobody has them
        self.days(80)
        self.assertEqual(receipts.entries()[0]["sequence"], 1)
        self.assertEqual(receipts.audit().returncode, 0)               # which exports them
        self.assertTrue(harness.eventually(lambda: receipts.entries()[0]["sequence"] > 1, 20))

        left = receipts.entries()
        dropped = [e for e in left if e["entry"] == "dropped"]
        self.assertEqual(len(dropped), 1)
        self.assertEqual(dropped[0]["first"], left[0]["sequence"])
        self.assertEqual(dropped[0]["entries"], left[0]["sequence"] - 1)
        self.assertEqual(left[0]["entry"], "segment")
        self.assertIn(f"entries 1 to {left[0]['sequence'] - 1} of the ledger were exported", services.log())
        result = receipts.audit()
        self.assertEqual(result.returncode, 0, result.stdout)

        # and the service goes on with it
        self.decline()
        self.assertEqual(receipts.audit().returncode, 0)


if __name__ == "__main__":
    harness.main()
