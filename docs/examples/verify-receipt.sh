#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# verify-receipt.sh KEYS RECEIPT
set -eu
header=$(cut -d . -f 1 "$2" | jose b64 dec -i -)
case $header in
*'"typ":"likeness-receipt+jwt"'*) ;;
*) echo "not a receipt, or one of a demonstration" >&2; exit 2 ;;
esac
tr -d '\n' < "$2" | jose jws ver -i - -k "$1" -O -      # prints the claims if the signature holds
