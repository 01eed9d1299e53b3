// SPDX-License-Identifier: Apache-2.0
// node verify-receipt.mjs KEYS RECEIPT [NONCE]
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const [keysFile, receiptFile, nonce] = process.argv.slice(2);
const keys = JSON.parse(readFileSync(keysFile, "utf8")).keys;
const parts = readFileSync(receiptFile, "utf8").trim().split(".");
const decoded = parts.map((part) => Buffer.from(part, "base64url"));

const fail = (why) => { console.error(why); process.exit(2); };
if (parts.length !== 3 || parts.some((part, i) => decoded[i].toString("base64url") !== part))
  fail("not a compact JWS");                  // Node ignores characters that are no base64url
const header = JSON.parse(decoded[0]);
if (header.alg !== "ES256" || header.typ !== "likeness-receipt+jwt")
  fail("not a receipt, or one of a demonstration");
const jwk = keys.find((key) => key.kid === header.kid);
if (!jwk) fail("signed with a key that is not registered");
const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
if (!verify("sha256", Buffer.from(parts[0] + "." + parts[1]), key, decoded[2])) fail("the signature does not hold");

const claims = JSON.parse(decoded[1]);
if (nonce && claims.nonce !== nonce) fail("the answer to another question");
console.log(claims.terminal, claims.sequence, claims.entry, claims.verdict);
process.exit(claims.verdict === "match" ? 0 : 1);
