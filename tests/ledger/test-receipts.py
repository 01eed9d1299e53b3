#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Receipts as others see them: the schema, the documentation's examples, and 10,000 changed receipts.

Arguments: BUILD-DIRECTORY SOURCE-DIRECTORY; --update-example makes the documentation's example anew."""

import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = sys.argv[1:3]
EXAMPLES = f"{SOURCE}/docs/examples"
MUTATIONS = 10000
JOSE_MUTATIONS = 300                    # through the jose program: a process each
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def decode(text):
    """As leniently as any decoder does: what is no base64url is passed over, as are bits that nothing needs."""
    text = "".join(c for c in text.replace("+", "-").replace("/", "_") if c in ALPHABET)
    if len(text) % 4 == 1:
        text = text[:-1]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(line):
    return json.loads(decode(line.split(".")[1]))


def make_ledger(directory, checks, *options):
    """A ledger made by the ledger's own code: its lines and its JWK set."""
    subprocess.run([f"{BUILD}/tests/ledger/make-ledger", directory, str(checks), *options], check=True)
    lines = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".jws"):
            with open(f"{directory}/{name}") as file:
                lines += file.read().splitlines()
    with open(f"{directory}/keys.json") as file:
        return lines, json.load(file)


def receipt_among(lines):
    return next(line for line in lines if claims_of(line).get("verdict") == "match")


def content(jws):
    """What it says and by which signature; None if it has not three parts."""
    parts = jws.split(".")
    return tuple(decode(part) for part in parts) if len(parts) == 3 else None


def mutations(receipt, count, seed):
    """Changed receipts: each with one small change somewhere, or several."""
    source = random.Random(seed)
    seen = {receipt}
    while len(seen) <= count:
        text = list(receipt)
        for _ in range(source.choice((1, 1, 1, 2, 5))):
            at = source.randrange(len(text))
            kind = source.randrange(8)
            if kind <= 2:
                text[at] = source.choice(ALPHABET)
            elif kind == 3:
                text[at] = source.choice(".=+/ \n!~\x00\x7f")
            elif kind == 4:
                del text[at]
            elif kind == 5:
                text.insert(at, source.choice(ALPHABET + ".="))
            elif kind == 6:
                text[at:at + 2] = reversed(text[at:at + 2])
            else:
                other = source.randrange(len(text))
                text[at], text[other] = text[other], text[at]
        changed = "".join(text)
        if changed not in seen and content(changed) != content(receipt):
            seen.add(changed)
            yield changed


def same_content(receipt):
    """Changes that leave every decoded byte as it was: bits of the last characters that nothing needs, padding, and
    characters that lenient decoders pass over."""
    parts = receipt.split(".")
    for i, part in enumerate(parts):
        for c in ALPHABET:
            changed = ".".join(parts[:i] + [part[:-1] + c] + parts[i + 1:])
            if changed != receipt and content(changed) == content(receipt):
                yield changed
        for more in ("=", "==", " ", "\n", "!", "\x00"):
            yield ".".join(parts[:i] + [part + more] + parts[i + 1:])
            yield ".".join(parts[:i] + [part[:9] + more + part[9:]] + parts[i + 1:])


def other_signature(receipt):
    """ECDSA: whoever has a signature (r, s) knows that (r, n - s) holds as well."""
    header, payload, signature = receipt.split(".")
    raw = decode(signature)
    s = P256_ORDER - int.from_bytes(raw[32:], "big")
    return f"{header}.{payload}.{encode(raw[:32] + s.to_bytes(32, 'big'))}"


class Receipts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="likeness-receipts-")
        cls.lines, cls.keys = make_ledger(f"{cls.directory}/ledger", 10, "--rotate-at=5")
        cls.receipt = receipt_among(cls.lines)
        cls.keys_file = f"{cls.directory}/ledger/keys.json"
        kid = json.loads(decode(cls.receipt.split(".")[0]))["kid"]
        cls.key = next(key for key in cls.keys["keys"] if key["kid"] == kid)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def check(self, receipts):
        """What receipt_verify() and libjose say: pairs of True and False."""
        lines = "".join(receipt.encode().hex() + "\n" for receipt in receipts)
        answer = subprocess.run([f"{BUILD}/tests/ledger/check-receipts", self.keys_file], input=lines, text=True,
                                stdout=subprocess.PIPE, check=True).stdout.splitlines()
        self.assertEqual(len(answer), len(receipts))
        return [tuple(word == "good" for word in line.split()) for line in answer]

    def jwcrypto(self):
        try:
            from jwcrypto import jwk, jws
        except ImportError:
            self.skipTest("python3-jwcrypto is not installed")
        key = jwk.JWK(**self.key)

        def accepts(receipt):
            token = jws.JWS()
            token.allowed_algs = ["ES256"]
            try:
                token.deserialize(receipt)
                token.verify(key)
                return token.jose_header.get("typ") == "likeness-receipt+jwt"
            except Exception:  # jwcrypto lets whatever went wrong through: ValueError, KeyError, …
                return False

        return accepts

    def jose(self, receipt):
        path = f"{self.directory}/mutated"
        with open(path, "w", newline="") as file:
            file.write(receipt)
        return subprocess.run(["jose", "jws", "ver", "-i", path, "-k", self.keys_file], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def test_unchanged(self):
        self.assertEqual(self.check([self.receipt]), [(True, True)])
        self.assertTrue(self.jwcrypto()(self.receipt))

    def test_mutations_here(self):
        changed = list(mutations(self.receipt, MUTATIONS, 1))
        self.assertEqual(len(changed), MUTATIONS)
        answers = self.check(changed)
        self.assertEqual([c for c, (ours, _) in zip(changed, answers) if ours], [])
        self.assertEqual([c for c, (_, libjose) in zip(changed, answers) if libjose], [])

    def test_mutations_jwcrypto(self):
        accepts = self.jwcrypto()
        self.assertEqual([c for c in mutations(self.receipt, MUTATIONS, 1) if accepts(c)], [])

    @unittest.skipUnless(shutil.which("jose"), "jose is not installed")
    def test_mutations_jose(self):
        self.assertTrue(self.jose(self.receipt))
        changed = [c for c in mutations(self.receipt, JOSE_MUTATIONS, 2)]
        self.assertEqual([c for c in changed if self.jose(c)], [])

    def test_other_encodings(self):
        """The same bytes written in another way: refused here. Others decode leniently, but the content is the same."""
        accepts = self.jwcrypto()
        others = list(same_content(self.receipt))
        answers = self.check(others)
        self.assertEqual([c for c, (ours, _) in zip(others, answers) if ours], [])
        for name, accepted in (("libjose", [c for c, (_, libjose) in zip(others, answers) if libjose]),
                               ("jwcrypto", [c for c in others if accepts(c)])):
            print(f"{name}: of {len(others)} other encodings of the same bytes {len(accepted)} are accepted", flush=True)
            for c in accepted:
                self.assertEqual(content(c), content(self.receipt))

    def test_other_signature(self):
        """Known of ECDSA, and the reason why the ledger's chain hashes whole lines: the content is the same."""
        changed = other_signature(self.receipt)
        self.assertEqual(content(changed)[:2], content(self.receipt)[:2])
        self.assertEqual(self.check([changed]), [(True, True)])
        path = f"{self.directory}/export"
        with open(path, "w") as file:
            file.write("\n".join(changed if line == self.receipt else line for line in self.lines) + "\n")
        answer = subprocess.run([f"{BUILD}/client/likenessctl/likenessctl", "ledger", "verify", path, "--json",
                                 f"--keys={self.keys_file}"], stdout=subprocess.PIPE)
        self.assertEqual(answer.returncode, 1)
        self.assertEqual([f["kind"] for f in json.loads(answer.stdout)["findings"]], ["broken-chain"])


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(f"{SOURCE}/schemas/receipt.schema.json") as file:
            cls.schema = json.load(file)

    def validator(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        jsonschema.Draft202012Validator.check_schema(self.schema)
        return jsonschema.Draft202012Validator(self.schema)

    def test_real_entries(self):
        validator = self.validator()
        with tempfile.TemporaryDirectory() as directory:
            lines, _ = make_ledger(f"{directory}/ledger", 12, "--rotate-at=3")
        kinds = set()
        for line in lines:
            claims = claims_of(line)
            validator.validate(claims)
            kinds.add(claims["entry"])
            for name in claims:
                self.assertFalse(validator.is_valid({k: v for k, v in claims.items() if k != name}) and
                                 name in ("version", "entry", "sequence", "previous", "time", "terminal"))
            for name in ("score", "similarity", "image", "document-number", "birth-date"):
                self.assertFalse(validator.is_valid({**claims, name: 1}))
        self.assertEqual(kinds, {"segment", "started", "opened", "closed", "key-changed"})

    def test_names_in_the_sources(self):
        """Every claim that a C source puts into an entry is described."""
        described = set(self.schema["$defs"]) | {"entry", "cause"}
        for definition in self.schema["$defs"].values():
            described |= set(definition.get("properties", {}))
        sources = [f"{SOURCE}/daemon/ledger/{name}" for name in os.listdir(f"{SOURCE}/daemon/ledger")
                   if re.fullmatch(r"entry\.c|ledger(-open|-read)?\.c", name)]
        sources += [f"{SOURCE}/daemon/likenessd/{name}" for name in os.listdir(f"{SOURCE}/daemon/likenessd")
                    if re.fullmatch(r"record.*\.c", name)]
        found = set()
        for source in sources:
            with open(source) as file:
                text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
            found |= set(re.findall(r'json_object_set(?:_new)?\([^,]+,\s*"([^"]+)"', text))
            for start in re.finditer(r"json_pack\(", text):
                found |= packed_names(text[start.end():])
        self.assertIn("previous", found)
        self.assertIn("new-proof", found)
        not_claims = {"keys", "models-list"}
        self.assertEqual(found - described - not_claims, set())


def packed_names(text):
    """The names in the arguments of a json_pack(): which of them are names is in its format."""
    arguments, depth, quoted, current = [], 0, False, ""
    for at, c in enumerate(text):
        if c == '"' and text[at - 1] != "\\":
            quoted = not quoted
        if not quoted:
            depth += (c in "([{") - (c in ")]}")
            if depth < 0 or (c == "," and depth == 0):
                arguments.append(current.strip())
                current = ""
                if depth < 0:
                    break
                continue
        current += c
    names, kinds, place = set(), [], 1
    for c in re.findall(r"[{}\[\]:]|[a-zA-Z][%?*#+]*", "".join(re.findall(r'"([^"]*)"', arguments[0]))):
        if c in "{[":
            kinds.append([c, True])
        elif c in "}]":
            kinds.pop()
            if kinds:
                kinds[-1][1] = True
        elif c == ":":
            kinds[-1][1] = False
        else:
            if place >= len(arguments):
                break
            if kinds and kinds[-1] == ["{", True] and re.fullmatch(r'"[^"]*"', arguments[place]):
                names.add(arguments[place].strip('"'))
            elif kinds:
                kinds[-1][1] = True
            place += 1 + ("%" in c)
    return names


class Documentation(unittest.TestCase):
    RECEIPT = f"{EXAMPLES}/receipt.jws"
    KEYS = f"{EXAMPLES}/receipt-keys.json"

    def verify(self, command):
        """The example holds, and does not hold after a change, of the receipt or of the key."""
        def run(receipt, keys):
            return subprocess.run([*command, keys, receipt], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        answer = run(self.RECEIPT, self.KEYS)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("till-1", answer.stdout)
        with tempfile.TemporaryDirectory() as directory, open(self.RECEIPT) as file:
            text = file.read()
            for at in (10, len(text) // 2, len(text) - 20):
                with open(f"{directory}/changed", "w") as changed:
                    changed.write(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:])
                self.assertNotEqual(run(f"{directory}/changed", self.KEYS).returncode, 0)
            make_ledger(f"{directory}/other", 1)
            self.assertNotEqual(run(self.RECEIPT, f"{directory}/other/keys.json").returncode, 0)
            lines, _ = make_ledger(f"{directory}/demo", 1, "--demo")
            with open(f"{directory}/demo.jws", "w") as demo:
                demo.write(receipt_among(lines) + "\n")
            self.assertNotEqual(run(f"{directory}/demo.jws", f"{directory}/demo/keys.json").returncode, 0)

    def test_python(self):
        if subprocess.run(["/usr/bin/python3", "-c", "import jwcrypto"], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("python3-jwcrypto is not installed")
        self.verify(["/usr/bin/python3", f"{EXAMPLES}/verify-receipt.py"])

    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_node(self):
        self.verify(["node", f"{EXAMPLES}/verify-receipt.mjs"])

    @unittest.skipUnless(shutil.which("jose"), "jose is not installed")
    def test_jose(self):
        self.verify([f"{EXAMPLES}/verify-receipt.sh"])

    def test_text_is_the_examples(self):
        """What the documentation shows is what was run."""
        with open(f"{SOURCE}/docs/receipts.md") as file:
            text = file.read()
        for name in ("verify-receipt.py", "verify-receipt.mjs", "verify-receipt.sh"):
            with open(f"{EXAMPLES}/{name}") as file:
                code = "".join(line for line in file if "SPDX" not in line and not line.startswith("#!"))
            self.assertIn(code, text, name)
        with open(self.RECEIPT) as file:
            shown = json.loads(re.search(r"```json\n(\{\n.*?\n\})\n```", text, re.DOTALL).group(1))
            self.assertEqual(shown, claims_of(file.read()))

    def test_every_claim_is_explained(self):
        with open(f"{SOURCE}/docs/receipts.md") as file:
            text = file.read()
        with open(f"{SOURCE}/schemas/receipt.schema.json") as file:
            schema = json.load(file)
        for branch in schema["oneOf"]:
            for name in branch["properties"]:
                self.assertRegex(text, rf"(?m)^\| .*`{name}`.* \|$")

    def test_example_is_of_today(self):
        with tempfile.TemporaryDirectory() as directory:
            lines, _ = make_ledger(f"{directory}/ledger", 1)
        with open(self.RECEIPT) as file:
            self.assertEqual(claims_of(file.read()).keys(), claims_of(receipt_among(lines)).keys())


def update_example():
    with tempfile.TemporaryDirectory() as directory:
        lines, keys = make_ledger(f"{directory}/ledger", 3)
    with open(Documentation.RECEIPT, "w") as file:
        file.write(receipt_among(lines) + "\n")
    with open(Documentation.KEYS, "w") as file:
        json.dump(keys, file, indent=2)
        file.write("\n")
    path = f"{SOURCE}/docs/receipts.md"
    with open(path) as file:
        text = file.read()
    shown = json.dumps(claims_of(receipt_among(lines)), indent=2)
    text = re.sub(r"```json\n\{\n.*?\n\}\n```", lambda _: f"```json\n{shown}\n```", text, count=1, flags=re.DOTALL)
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    if "--update-example" in sys.argv:
        update_example()
    else:
        unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
