#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bash completion of likenessctl, compared with the program's own help. arguments: BUILD-DIRECTORY SOURCE-DIRECTORY"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = (os.path.realpath(path) for path in sys.argv[1:3])
LIKENESSCTL = BUILD + "/client/likenessctl/likenessctl"

# The last word is the one to be completed. Words are taken apart at "=" as bash does it while somebody types.
SCRIPT = r"""
compopt() { echo "compopt $*"; }
. "$1/client/likenessctl/completion/likenessctl"
shift
COMP_WORDS=(likenessctl "$@")
COMP_CWORD=$#
$(complete -p likenessctl | sed 's/.* -F \([^ ]*\) .*/\1/')
printf '%s\n' "${COMPREPLY[@]}"
"""


def complete(line, directory="/"):
    """What bash offers after `line`, without what it is told of how to offer it."""
    words = [part for word in line.split(" ") for part in re.findall(r"[^=]+|=", word) or [""]]
    result = subprocess.run(["bash", "-eu", "-c", SCRIPT, "bash", SOURCE, *words], capture_output=True, text=True,
                            cwd=directory)
    assert result.returncode == 0 and result.stderr == "", (line, result)
    return {word for word in result.stdout.split("\n") if word and not word.startswith("compopt")}


def help_of(*words):
    return subprocess.run([LIKENESSCTL, *words, "--help"], capture_output=True, text=True, check=True).stdout


def commands_listed(text):
    if "\nCommands:\n" not in text:
        return []
    return re.findall(r"^  ([a-z-]+) +\S", text.split("\nCommands:\n")[1].split("\n\n")[0], re.MULTILINE)


def options_listed(text):
    """{option: what its value is called, or None}"""
    return dict((name, value or None) for name, value in
                re.findall(r"^ +(?:-\w)? *(--[\w-]+)(?:=(\S+))?(?:  |$)", text, re.MULTILINE))


class Command:
    """A command line without operands, as the help describes it."""

    def __init__(self, words, text):
        usage = text.split("\n\n")[0]
        self.words, self.text, self.options = words, text, options_listed(text)
        mine = [line for line in usage.splitlines() if f"likenessctl {words}".rstrip() + " " in line + " "]
        self.usage = mine[0] if mine else usage.splitlines()[0]
        if "[OPTION…]" not in self.usage:       # the usage names those that it takes
            self.options = {name: value for name, value in self.options.items()
                            if name in self.usage or name == "--help"}
        # a help for several commands says whose an option is
        for other in re.findall(r"(--[\w-]+)(?:=\S+)? +(\w+): ", text):
            if not words.endswith(other[1]):
                self.options.pop(other[0], None)


def commands():
    found = []
    for name in commands_listed(help_of()):
        text = help_of(name)
        below = commands_listed(text)
        if below:
            found += [Command(f"{name} {word}", help_of(name, word)) for word in below]
            continue
        below = re.findall(rf"likenessctl {name} ([a-z]+)", text.split("\n\n")[0])
        found += [Command(f"{name} {word}", text) for word in dict.fromkeys(below)] or [Command(name, text)]
    return found


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Completion(unittest.TestCase):
    def test_commands(self):
        self.assertEqual(complete(""), set(commands_listed(help_of())))
        self.assertEqual(complete("led"), {"ledger"})
        self.assertEqual(complete("ledger "), set(commands_listed(help_of("ledger"))))
        for name in ("config", "key", "models"):
            usage = help_of(name).split("\n\n")[0]
            self.assertEqual(complete(name + " "), set(re.findall(rf"likenessctl {name} ([a-z]+)", usage)))

    def test_every_option_and_no_other(self):
        self.assertEqual(complete("-"), set(options_listed(help_of())))
        self.assertGreater(len(commands()), 14)
        for command in commands():
            expected = {name + "=" if value else name for name, value in command.options.items()}
            self.assertEqual(complete(f"{command.words} -"), expected, command.words)

    def test_values(self):
        """Files and directories where the help says so, and the words that it lists."""
        with tempfile.TemporaryDirectory() as place:
            os.mkdir(place + "/directory")
            with open(place + "/file", "w"):
                pass
            for command in commands():
                for name, value in command.options.items():
                    if not value:
                        continue
                    offered = complete(f"{command.words} {name}=", place)
                    self.assertEqual(offered, complete(f"{command.words} {name} ", place))
                    listed = re.search(rf"{name}=\S+ +((?:[a-z-]+, )*[a-z-]+)(?:,? or ([a-z-]+))?(?=[;,\n]| for )",
                                       command.text)
                    if value == "FILE":
                        self.assertEqual(offered, {"file", "directory"}, name)
                    elif value == "DIR":
                        self.assertEqual(offered, {"directory"}, name)
                    elif listed:
                        words = set(listed[1].split(", ")) | ({listed[2]} - {None})
                        self.assertEqual(offered, words, name)
                    else:
                        self.assertEqual(offered, set(), name)
            self.assertEqual(complete("verify --challenge=l"), {"light"})
            self.assertEqual(complete("verify --json --reference=di", place), {"directory"})

    def test_operands(self):
        with tempfile.TemporaryDirectory() as place:
            os.mkdir(place + "/directory")
            with open(place + "/file", "w"):
                pass
            for command in commands():
                rest = re.sub(r"--[\w-]+(=\S+)?", "", command.usage)
                expected = {"file", "directory"} if "FILE" in rest else {"directory"} if "DIR" in rest else set()
                self.assertEqual(complete(command.words + " ", place), expected, command.words)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
