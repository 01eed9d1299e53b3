# SPDX-License-Identifier: Apache-2.0
"""The machine goes to sleep in the middle of a check, and wakes up: the real logind, and a kernel that puts all devices
to sleep (S3). In its own trace it says when it does so to the camera; and there a witness, whom systemd calls right
before and right after, says who has a camera open. (tools/check-machine wakes it up.)"""

import os
import re
import time

from machine import eventually
from shop import claims_of
from terminal import read

UNAVAILABLE = "org.likeness.Verifier1.Error.Unavailable"
SLEPT = "/sys/power/suspend_stats/success"
TRACE = "/sys/kernel/tracing/"
DEVICES = TRACE + "events/power/device_pm_callback_start/enable"
WITNESS = "/usr/lib/systemd/system-sleep/likeness-test"
LAST_ENTRY = "/run/likeness-test-last-entry"
SEES = """\
#!/bin/sh
echo "witness:" "$1" $(find /proc/[0-9]*/fd -lname '/dev/video*' 2>/dev/null) >{trace}trace_marker
[ "$1" = post ] || tail --quiet --lines=1 {ledger}/*.jws >{entry}
"""
# Where the chipset is told the address of what puts the machine to sleep, and switches it off.
CHIPSET, ADDRESS, LENGTH = "/sys/bus/pci/devices/0000:00:1f.0/config", 0x40, 8


def tell(path, text):
    with open(path, "w") as file:
        file.write(text)


def address(value=None):
    """The emulator's firmware does not restore it when the machine wakes up."""
    with open(CHIPSET, "r+b", buffering=0) as chipset:
        chipset.seek(ADDRESS)
        return chipset.read(LENGTH) if value is None else chipset.write(value)


class Sleeps:
    """Of a class of tests with a camera."""

    def check_while_falling_asleep(self, node, fall_asleep):
        """A check while whose camera is in use the machine goes to sleep; the answer, when it is awake again."""
        self.shop.write(WITNESS, SEES.format(trace=TRACE, ledger=self.shop.ledger_directory, entry=LAST_ENTRY), 0o755)
        self.addCleanup(os.unlink, WITNESS)
        tell(TRACE + "trace", "")
        tell(DEVICES, "1")
        self.addCleanup(tell, DEVICES, "0")
        self.addCleanup(address, address())
        slept = int(read(SLEPT))
        self.shop.scripted(0)
        check = self.shop.begin_verifying()
        self.assertTrue(eventually(lambda: self.shop.holders(node), 20), "it is not opened")
        time.sleep(1)
        fall_asleep()
        answer = self.shop.finish_verifying(check)
        self.assertTrue(eventually(lambda: int(read(SLEPT)) > slept), "it has not slept")
        return answer

    def seen(self, device):
        """What happened to a device, and what the witness saw meanwhile."""
        return ["".join(one) for one in
                re.findall(rf"witness: (.*)| {re.escape(device)}, parent: \S+, \w+ \[(suspend|resume)\]",
                           read(TRACE + "trace"))]

    def fall_asleep(self, node, device):
        """As logind does it. The check ends first: nobody has the camera when it is put to sleep, nor when it wakes up;
        and how the check ended is on disk."""
        before = len(self.shop.ledger())
        answer = self.check_while_falling_asleep(node, lambda: self.shop.run("root", "systemctl", "suspend"))
        self.assertEqual(answer.error, UNAVAILABLE, answer)
        self.assertIn("going to sleep", answer.fields["message"])
        self.closed_as("suspended", before)
        self.assertTrue(eventually(lambda: "witness: post" in read(TRACE + "trace")))
        self.assertEqual(self.seen(device), ["pre", "suspend", "resume", "post"])
        entry = claims_of(read(LAST_ENTRY))
        self.assertEqual((entry["entry"], entry["cause"]), ("closed", "suspended"))
