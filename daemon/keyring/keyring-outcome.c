/* SPDX-License-Identifier: Apache-2.0 */

#include "keyring-outcome.h"
#include "macro.h"

#include <ctype.h>

static const struct {
        const char *word, *message;
} outcomes[_KEYRING_OUTCOME_MAX] = {
        [KEYRING_DONE] = { "done", "the signing key is there" },
        [KEYRING_PASSWORD_WRONG] = { "password-wrong",
                "the keyring's password is wrong: the credential \"likeness-keyring\" is not the one that the keyring was "
                "made with. Restore that credential, or provision the terminal anew" },
        [KEYRING_MISSING] = { "keyring-missing",
                "the keyring is gone, although this terminal was provisioned. Restore it, or provision the terminal anew; "
                "no new key was made" },
        [KEYRING_DAMAGED] = { "keyring-damaged",
                "the keyring is damaged, or not the one that was written last. Restore the whole state directory from a "
                "backup of one moment, or provision the terminal anew; no new key was made" },
        [KEYRING_RECORD_DAMAGED] = { "record-damaged",
                "the record that this terminal was provisioned is damaged or missing. Restore the whole state directory "
                "from a backup of one moment, or provision the terminal anew; no new key was made" },
        [KEYRING_CREDENTIAL_MISSING] = { "credential-missing",
                "the keyring's password is missing: likeness-keyring was not given the credential \"likeness-keyring\". "
                "likeness-key-setup.service makes it, once; see its log" },
        [KEYRING_CREDENTIAL_UNREADABLE] = { "credential-unreadable",
                "the keyring's password cannot be used: the credential \"likeness-keyring\" is unreadable, empty, shorter "
                "than 16 or longer than 1024 bytes, or not text" },
        [KEYRING_BUSY] = { "busy", "the keyring is in use by another request. Try again" },
        [KEYRING_DISK_FULL] = { "disk-full", "there is no space for the keyring. Free some; the old key is unharmed" },
        [KEYRING_DISK] = { "disk", "the keyring's state directory cannot be read or written" },
        [KEYRING_STATE_UNSAFE] = { "state-unsafe",
                "the keyring's state directory must belong to likeness-keyring's user, with mode 0700" },
        [KEYRING_UNFINISHED] = { "rotation-unfinished", "an earlier change of the key is not finished yet" },
        [KEYRING_OTHER_KEY] = { "other-key",
                "the keyring holds another key than the ledger names. Restore the keyring that belongs to this ledger, or "
                "provision the terminal anew" },
        [KEYRING_OTHER_MODE] = { "other-mode",
                "likenessd and likeness-keyring must both be started with --demo, or both without" },
        [KEYRING_REFUSED] = { "refused", "likeness-keyring answers only well-formed requests of likenessd's user" },
        [KEYRING_INTERNAL_ERROR] = { "internal-error", "likeness-keyring failed; its log says why" },
        [KEYRING_UNREACHABLE] = { "unreachable",
                "likeness-keyring cannot be reached. Is its socket unit started?" },
        [KEYRING_SILENT] = { "silent", "likeness-keyring did not answer in time" },
        [KEYRING_BROKEN] = { "broken", "likeness-keyring ended without an answer, or answered in another form" },
};

const char *keyring_outcome_to_string(KeyringOutcome outcome) {
        return (unsigned) outcome < _KEYRING_OUTCOME_MAX ? outcomes[outcome].word : "unknown";
}

const char *keyring_outcome_message(KeyringOutcome outcome) {
        return (unsigned) outcome < _KEYRING_OUTCOME_MAX ? outcomes[outcome].message : "unknown outcome";
}

const char *keyring_protection_to_string(KeyringProtection protection) {
        static const char *const words[_KEYRING_PROTECTION_MAX] = { "none", "host", "tpm" };

        return (unsigned) protection < _KEYRING_PROTECTION_MAX ? words[protection] : "none";
}

bool keyring_key_id_valid(const char *id) {
        for (size_t i = 0; i < KEYRING_KEY_ID_SIZE - 1; i++)
                if (!isalnum((unsigned char) id[i]) && id[i] != '-' && id[i] != '_')
                        return false;

        return id[KEYRING_KEY_ID_SIZE - 1] == '\0';
}

bool keyring_key_id_valid_or_empty(const char *id) {
        static const char empty[KEYRING_KEY_ID_SIZE] = {};

        return memcmp(id, empty, sizeof(empty)) == 0 || keyring_key_id_valid(id);
}
