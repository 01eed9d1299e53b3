#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# verify-receipt.py KEYS RECEIPT [NONCE]
import json
import sys
from jwcrypto import jwk, jws

keys = jwk.JWKSet.from_json(open(sys.argv[1]).read())
receipt = open(sys.argv[2]).read().strip()

token = jws.JWS()
token.allowed_algs = ["ES256"]          # never let the receipt choose
token.deserialize(receipt)
header = token.jose_header
if header.get("typ") != "likeness-receipt+jwt":
    sys.exit("not a receipt, or one of a demonstration")
key = keys.get_key(header["kid"])
if key is None:
    sys.exit("signed with a key that is not registered")
token.verify(key)                       # raises an exception if the signature does not hold

claims = json.loads(token.payload)
if len(sys.argv) > 3 and claims.get("nonce") != sys.argv[3]:
    sys.exit("the answer to another question")
print(claims["terminal"], claims["sequence"], claims["entry"], claims.get("verdict"))
sys.exit(0 if claims.get("verdict") == "match" else 1)
