/* SPDX-License-Identifier: Apache-2.0 */

#include "credential.h"
#include "file.h"
#include "keyring-outcome.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

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
                log_error_errno(r, "%s: %m", keyring_outcome_message(outcome));
        else
                log_error("%s", keyring_outcome_message(outcome));
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

KeyringOutcome password_read(char **ret) {
        char buffer[PASSWORD_SIZE_MAX + 2];
        KeyringOutcome outcome = KEYRING_DONE;
        _cleanup_close_ int fd = -1;
        ssize_t n;

        fd = open_credential();
        if (fd == -ENOENT)
                return unusable(KEYRING_CREDENTIAL_MISSING, 0);
        if (fd < 0)
                return unusable(KEYRING_CREDENTIAL_UNREADABLE, fd);

        n = file_read_all(fd, buffer, sizeof(buffer));
        if (n > 0 && buffer[n - 1] == '\n')
                n--;
        if (n < PASSWORD_SIZE_MIN || n > PASSWORD_SIZE_MAX || memchr(buffer, '\0', (size_t) n))
                outcome = unusable(KEYRING_CREDENTIAL_UNREADABLE, n < 0 ? (int) n : 0);
        else {
                *ret = strndup(buffer, (size_t) n);
                if (!*ret)
                        outcome = KEYRING_INTERNAL_ERROR;
        }

        explicit_bzero(buffer, sizeof(buffer));
        return outcome;
}

KeyringOutcome password_for_demo(char **ret) {
        *ret = strdup(DEMO_PASSWORD);
        return *ret ? KEYRING_DONE : KEYRING_INTERNAL_ERROR;
}
