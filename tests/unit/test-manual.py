#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The manuals: without mistakes of form, and none says less or more than the programs do.

Arguments: BUILD-DIRECTORY SOURCE-DIRECTORY."""

import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

BUILD, SOURCE = sys.argv[1:3]
LIKENESSCTL = BUILD + "/client/likenessctl/likenessctl"


def read(path):
    with open(f"{SOURCE}/{path}", encoding="utf-8") as file:
        return file.read()


def pages():
    written = glob.glob(SOURCE + "/man/*.[1-8]")
    made = glob.glob(BUILD + "/man/*.[1-8]")
    assert len(written) >= 4 and len(made) == 1, (written, made)
    return written + made


def interface_page():
    with open(BUILD + "/man/org.likeness.Verifier1.5", encoding="utf-8") as file:
        return file.read()


def help_of(program, *words):
    result = subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=30,
                            env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert result.returncode == 0, (words, result)
    return result.stdout


def options_of_help(text):
    """The options that a help lists or has in its usage; not --help."""
    found = set()
    for line in text.splitlines():
        listed = re.match(r"^ +(-\w)? *(--[\w-]+)?(?:=\S+)?  ", line + "  ")
        if listed:
            found |= {option for option in listed.groups() if option}
        if "likenessctl" in line:
            found |= set(re.findall(r"--[\w-]+", line.split("COMMAND --help")[0]))
    return found - {"-h", "--help"}


def commands_of_help(text):
    """The commands that a usage names: of "likenessctl key show [--json]" it is "key show"."""
    usage = text.split("\n\n")[0].replace("Usage: ", "")
    return {re.match(r"\s*likenessctl((?: [a-z][a-z-]*)+)", line)[1].strip() for line in usage.splitlines()}


def all_helps():
    """[(commands, help)] of likenessctl, down to those that have no further commands."""
    found, waiting = [], [[]]
    while waiting:
        words = waiting.pop()
        text = help_of(LIKENESSCTL, *words)
        if "\nCommands:\n" in text:
            waiting += [words + [word] for word in
                        re.findall(r"^  ([a-z-]+) +\S", text.split("\nCommands:\n")[1].split("\n\n")[0], re.MULTILINE)]
        else:
            found.append((commands_of_help(text), text))
    return found


def section(page, title):
    return re.search(rf"^\.Sh {re.escape(title)}\n(.*?)(?=^\.Sh |\Z)", page, re.MULTILINE | re.DOTALL)[1]


def subsections(text):
    return dict(re.findall(r"^\.Ss (.*?)\n(.*?)(?=^\.Ss |\Z)", text, re.MULTILINE | re.DOTALL))


def options_of_page(text):
    """The options that a part of a page has items for; not --help."""
    found = set()
    for line in re.findall(r"^\.It (Fl .*)$", text, re.MULTILINE):
        found |= {"--" + word for word in re.findall(r"Fl Fl ([\w-]+)", line)}
        found |= {"-" + word for word in re.findall(r"(?<!Fl )Fl (\w)\b", line)}
    return found - {"-h", "--help"}


def words_of_table(path, table):
    return re.findall(r'= "([^"]+)"', read(path).split(f"{table}_table[")[1].split("};")[0])


class Form(unittest.TestCase):
    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_has_nothing_to_say(self):
        for page in pages():
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
            said = [line for line in result.stdout.splitlines() if "mandoc.db" not in line]
            self.assertEqual(said, [], page)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_has_nothing_to_say(self):
        for page in pages():
            result = subprocess.run(["groff", "-ww", "-mdoc", "-T", "utf8", "-z", page], capture_output=True, text=True)
            self.assertEqual((result.returncode, result.stderr), (0, ""), page)

    def test_no_page_speaks_of_one_that_is_not_there(self):
        ours = {os.path.basename(page) for page in pages()} | {"likeness-examiner.8", "likeness-keyring.8"}
        others = {"busctl.1", "fnmatch.3", "journalctl.1", "systemctl.1", "systemd-analyze.1", "systemd-creds.1",
                  "dpkg-deb.1", "systemd-journal-upload.8", "systemd-system.conf.5", "systemd.syntax.7", "polkit.8"}
        for page in pages():
            with open(page, encoding="utf-8") as file:
                for name, number in re.findall(r"^\.Xr (\S+) (\d)", file.read(), re.MULTILINE):
                    self.assertIn(f"{name}.{number}", ours | others, page)


class Status(unittest.TestCase):
    def test_the_numbers_are_the_same_everywhere(self):
        """The exit statuses of "status": of the words' order, in the help, in the manual, and in the interface."""
        words = words_of_table("daemon/common/problem.c", "problem")
        expected = {str(10 + i): word for i, word in enumerate(words)}
        self.assertEqual(dict(re.findall(r"\b(\d\d) ([a-z-]+)", help_of(LIKENESSCTL, "status").split("weightiest")[1])),
                         expected)
        status = section(read("man/likenessctl.1"), "EXIT STATUS").split("Of\n.Cm status\nalone")[1]
        self.assertEqual(dict(re.findall(r"^\.It (\d\d)\n\.Li ([a-z-]+) \.", status, re.MULTILINE)), expected)
        described = read("schemas/org.likeness.Verifier1.xml").split("Problems: what")[1].split("-->")[0]
        self.assertEqual(re.findall(r"^      ([a-z-]+)   *[a-z]", described, re.MULTILINE), words)
        self.assertEqual(re.findall(r'^        { "([a-z-]+)"', read("client/likenessctl/wording.c")
                                    .split("problems[] = {")[1].split("};")[0], re.MULTILINE), words)


class Likenessctl(unittest.TestCase):
    def setUp(self):
        self.page = read("man/likenessctl.1")
        self.parts = subsections(section(self.page, "COMMANDS"))

    def test_every_command_and_no_other(self):
        commands = set().union(*(names for names, _ in all_helps()))
        self.assertEqual(set(self.parts), commands)
        self.assertGreater(len(commands), 10)

    def test_every_option_and_no_other(self):
        for names, text in all_helps():
            described = set().union(*(options_of_page(self.parts.get(name, "")) for name in names))
            self.assertEqual(described, options_of_help(text), f"of likenessctl {' and '.join(sorted(names))}")

    def test_options_without_a_command(self):
        self.assertEqual(options_of_page(section(self.page, "DESCRIPTION")), options_of_help(help_of(LIKENESSCTL)))

    def test_every_exit_status(self):
        told = set()
        for _, text in all_helps():
            status = re.search(r"Exit status: (.*)", text, re.DOTALL)[1]
            told |= set(re.findall(r"(?:^|, |\n\s*)(\d) ", status))
        self.assertEqual(set(re.findall(r"^\.It (\d)$", section(self.page, "EXIT STATUS"), re.MULTILINE)), told)


class Services(unittest.TestCase):
    def compare(self, program, text):
        options = options_of_help(help_of(f"{BUILD}/daemon/{program}"))
        self.assertIn("--version", options)
        self.assertEqual(options_of_page(text), options, program)

    def test_likenessd(self):
        self.compare("likenessd/likenessd", section(read("man/likenessd.8"), "OPTIONS"))

    def test_helpers(self):
        helpers = subsections(section(read("man/likenessd.8"), "HELPERS"))
        self.compare("examiner/likeness-examiner", helpers["likeness-examiner"])
        self.compare("keyring/likeness-keyring", helpers["likeness-keyring"])

    def test_courier(self):
        self.compare("courier/likeness-courier", section(read("man/likeness-courier.8"), "OPTIONS"))


class Interface(unittest.TestCase):
    """What is made of the schema, against the words that the services really say."""

    def items(self):
        return re.findall(r"^\.It Li ([\w-]+)(?: Pq .*)?$", interface_page(), re.MULTILINE)

    def test_every_word(self):
        items = self.items()
        for table in ("verdict", "reason", "prompt"):
            for word in words_of_table("daemon/common/vocabulary.c", table):
                self.assertEqual(items.count(word), 1, f"{table} {word}")
        for word in re.findall(r'= "([a-z-]+)"', read("daemon/common/problem.c")):
            self.assertEqual(items.count(word), 1, f"problem {word}")
        for table in ("challenge", "pace", "decline_cause", "alternative"):
            for word in words_of_table("daemon/common/vocabulary.c", table):
                self.assertIn(f"\\(dq{word}\\(dq", interface_page(), table)

    def test_every_error(self):
        for name in re.findall(r'LIKENESS_ERROR\("(\w+)"\)', read("daemon/likenessd/errors.h")):
            self.assertEqual(self.items().count(name), 1, name)

    def test_every_word_of_a_camera(self):
        """Fitness and kind: the service's, the schema's, and those that likenessctl has words for."""
        schema, source = read("schemas/org.likeness.Verifier1.xml"), read("daemon/likenessd/camera-fitness.c")
        wording = read("client/likenessctl/wording.c")
        for function, heading, table, unworded in (
                ("camera_fitness_to_string", "      Fitness, from", "fitnesses", set()),
                ("camera_kind_to_string", "      What it sees:", "kinds", {"unknown"})):
            words = set(re.findall(r'= "([a-z-]+)"', source.split(f"{function}(")[1].split("};")[0]))
            self.assertGreater(len(words), 3)
            if table == "fitnesses":
                claim = read("schemas/receipt.schema.json").split('"camera": { "enum": [')[1].split("]")[0]
                self.assertEqual(set(re.findall(r'"([a-z-]+)"', claim)), words | {"none", "recording"})
            listed = schema.split(heading)[1].split("\n\n")[0].split("-->")[0]
            self.assertEqual(set(re.findall(r"^      ([a-z-]+)  +\S", listed, re.MULTILINE)), words)
            told = set(re.findall(r'^        { "([a-z-]+)"', wording.split(f"{table}[] = {{")[1].split("};")[0],
                                  re.MULTILINE))
            self.assertEqual(told | unworded, words)

    def test_the_texts_of_prompts(self):
        schema = read("schemas/org.likeness.Verifier1.xml")
        for text in re.findall(r'\[PROMPT_\w+\] = "(.*)"', read("daemon/likenessd/prompts.c")):
            self.assertIn(f"  {text}\n", schema)

    def test_every_key_of_a_request(self):
        keys = re.findall(r'"([a-z]+)"', re.search(r"known\[\] = \{(.*?)\};", read("daemon/likenessd/request.c"),
                                                   re.DOTALL)[1])
        self.assertGreater(len(keys), 8)
        for key in keys:
            self.assertIn(key, self.items())

    def test_every_member_and_its_permission(self):
        schema, page = read("schemas/org.likeness.Verifier1.xml"), interface_page()
        for kind, name in re.findall(r'<(method|signal|property) name="(\w+)"', schema):
            self.assertRegex(page, rf"(?m)^\.It (?:Ic|Li) {name}\b", kind)
        rules = dict(re.findall(r'"(\w+)": "(\w+)"', re.search(r"RULES = \{(.*?)\n\}", read("tests/bus/test_interface.py"),
                                                              re.DOTALL)[1]))
        for name, rule in rules.items():
            part = re.search(rf"^\.It Ic {name} .*?(?=^\.It Ic |^\.Sh )", page, re.MULTILINE | re.DOTALL)[0]
            told = re.findall(r"^Permission:\n\.Li org\.likeness\.verifier1\.(\w+)$", part, re.MULTILINE)
            self.assertEqual(told, [] if rule == "session" else [rule], name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
