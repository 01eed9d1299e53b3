/* SPDX-License-Identifier: Apache-2.0 */

#include "credential.h"
#include "file.h"
#include "keyring-outcome.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#define PROTECTION_SIZE_MAX 8          /* the word and its colon */
#define DEMO_PASSWORD "this is the demonstration's keyring"

char *password_free(char *password) {
        if (!password)
                return NULL;

        explicit_bzero(password, strlen(password));
        free(password);
        return NULL;
}

static KeyringOutcome unusable(KeyringOutcome outcome, int r) {
        if (r < 0)
                log_message_errno(LOG_ERR, r, MESSAGE_KEYRING_FAILED, "%s: %m", keyring_outcome_message(outcome));
        else
                log_debug("%s", keyring_outcome_message(outcome));
        return outcome;
}

static int open_credential(void) {
        const char *path = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_close_ int directory = -1;
        int fd;

        if (isempty(path))
                return -ENOENT;
        directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return -errno;

        fd = openat(directory, CREDENTIAL_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

/* How many bytes the word takes that says what the credential was encrypted with; 0 if there is none. */
static size_t read_protection(const char *text, size_t size, KeyringProtection *protection) {
        static const KeyringProtection known[] = { KEYRING_PROTECTION_TPM, KEYRING_PROTECTION_HOST };

        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                const char *word = keyring_protection_to_string(known[i]);
                size_t length = strlen(word);

                if (size > length && memcmp(text, word, length) == 0 && text[length] == ':') {
                        *protection = known[i];
                        return length + 1;
                }
        }

        return 0;
}

KeyringOutcome password_read(char **ret, KeyringProtection *protection) {
        char buffer[PASSWORD_SIZE_MAX + PROTECTION_SIZE_MAX + 2];
        KeyringOutcome outcome = KEYRING_DONE;
        KeyringProtection word = *protection;
        _cleanup_close_ int fd = -1;
        const char *password;
        size_t skip = 0;
        ssize_t n;

        fd = open_credential();
        if (fd == -ENOENT)
                return unusable(KEYRING_CREDENTIAL_MISSING, 0);
        if (fd < 0)
                return unusable(KEYRING_CREDENTIAL_UNREADABLE, fd);

        n = file_read_all(fd, buffer, sizeof(buffer));
        if (n > 0 && buffer[n - 1] == '\n')
                n--;
        if (n > 0) {
                skip = read_protection(buffer, (size_t) n, &word);
                n -= (ssize_t) skip;
        }
        password = buffer + skip;
        if (n < PASSWORD_SIZE_MIN || n > PASSWORD_SIZE_MAX || memchr(password, '\0', (size_t) n))
                outcome = unusable(KEYRING_CREDENTIAL_UNREADABLE, n < 0 ? (int) n : 0);
        else {
                *ret = strndup(password, (size_t) n);
                if (*ret)
                        *protection = word;
                else
                        outcome = KEYRING_INTERNAL_ERROR;
        }

        explicit_bzero(buffer, sizeof(buffer));
        return outcome;
}

KeyringOutcome password_for_demo(char **ret) {
        *ret = strdup(DEMO_PASSWORD);
        return *ret ? KEYRING_DONE : KEYRING_INTERNAL_ERROR;
}
