/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "keyring.h"

/* A terminal's signing keys on disk: keyring, record and lock, and the changes to them, each of which a
 * crash leaves either undone or done. In the state directory, for a terminal in production (or "demo" in the
 * place of "production"):
 *
 *   production/signing.keyring   libsecret's file
 *   production.provisioned       the record (record.h), in another directory than the keyring
 *   production.new/              where a new keyring file is made and read back before it takes the old one's place
 *   production.lock              held while one helper works
 * / */

typedef struct Store Store;

/* How long a second helper waits for the first. */
#define STORE_LOCK_USEC (UINT64_C(3) * 1000 * 1000)

/* Locks the store of the directory `path` (exists, ours, mode 0700), finishes or undoes what a crash
 * interrupted, and reads the keys with `password` (borrowed until store_free()). A terminal that was never
 * provisioned has no keys; that is KEYRING_DONE. Everything else that is not KEYRING_DONE is logged, and no
 * store is returned. */
KeyringOutcome store_open(Store **ret, const char *path, bool demo, const char *password);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store *, store_free);

/* The keys, owned by the store. */
const Keys *store_keys(const Store *s);

/* Changes, durable when they return KEYRING_DONE; otherwise logged, and either not made or made:
 * store_open() tells. */
KeyringOutcome store_provision(Store *s);      /* makes the first key */
KeyringOutcome store_make_pending(Store *s);
KeyringOutcome store_commit_pending(Store *s);
KeyringOutcome store_drop_pending(Store *s);
