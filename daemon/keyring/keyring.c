/* SPDX-License-Identifier: Apache-2.0 */

#include "keyring-file.h"
#include "keyring-outcome.h"
#include "keyring.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libsecret/secret.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* far more than PBKDF2 with KEYRING_FILE_ITERATIONS_MAX takes */
#define CHILD_SECONDS_MAX 8U

#define CANARY "this keyring opens"
#define HEADER_SIZE 18U                /* of a keyring file, before its GVariant */

/* One attribute, which says what an item is, and whether it is the demonstration's. */
static const SecretSchema schema = {
        "org.likeness.SigningKey",
        SECRET_SCHEMA_NONE,
        { { "purpose", SECRET_SCHEMA_ATTRIBUTE_STRING }, { NULL, 0 } },
};

typedef enum Item {
        ITEM_CANARY,
        ITEM_CURRENT,
        ITEM_PENDING,
} Item;

static const char *item_purpose(Item item, bool demo) {
        static const char *const purposes[][2] = {
                [ITEM_CANARY] = { "canary", "demo-canary" },
                [ITEM_CURRENT] = { "signing-key", "demo-signing-key" },
                [ITEM_PENDING] = { "pending-signing-key", "demo-pending-signing-key" },
        };

        return purposes[item][demo];
}

Keys *keys_new(void) {
        void *p;

        p = mmap(NULL, sizeof(Keys), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
                return NULL;

        (void) mlock(p, sizeof(Keys));
        (void) madvise(p, sizeof(Keys), MADV_DONTDUMP);
        return p;
}

Keys *keys_free(Keys *k) {
        if (!k)
                return NULL;

        explicit_bzero(k, sizeof(*k));
        (void) munmap(k, sizeof(*k));
        return NULL;
}

/* --- in the child */

static void be_silent(const char *text) {
}

static GLogWriterOutput drop_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer userdata) {
        return G_LOG_WRITER_HANDLED;
}

/* Nothing of this process is swapped, where that is permitted; with a limit, what is mapped later could fail
 * to be. */
static void lock_memory(void) {
#if !defined(__SANITIZE_ADDRESS__)     /* terabytes of shadow memory */
        struct rlimit limit;

        if (getrlimit(RLIMIT_MEMLOCK, &limit) >= 0)
                (void) mlockall(limit.rlim_cur == RLIM_INFINITY ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT);
#endif
}

/* libsecret takes the path and the password from the environment, once, when it is first used. */
static void child_prepare(const char *path, char *password_variable) {
        lock_memory();
        (void) alarm(CHILD_SECONDS_MAX);

        /* libsecret's complaints of a bad file are an outcome; they are nobody's log line */
        (void) g_set_printerr_handler(be_silent);
        g_log_set_writer_func(drop_log, NULL, NULL);

        if (setenv("SECRET_BACKEND", "file", true) < 0 || setenv("SECRET_FILE_TEST_PATH", path, true) < 0 ||
            setenv("GIO_USE_VFS", "local", true) < 0 || setenv("GIO_MODULE_DIR", "/nonexistent", true) < 0 ||
            putenv(password_variable) != 0)
                _exit(KEYRING_INTERNAL_ERROR);
}

/* 1 with the secret (to be freed with secret_password_free(), which wipes it), 0 if there is none,
 * -EBADMSG */
static int item_lookup(Item item, bool demo, gchar **ret) {
        g_autoptr(GError) error = NULL;
        gchar *secret;

        secret = secret_password_lookup_nonpageable_sync(&schema, NULL, &error, "purpose", item_purpose(item, demo),
                        NULL);
        if (error) {
                secret_password_free(secret);
                return -EBADMSG;
        }

        *ret = secret;
        return !!secret;
}

static int key_lookup(Item item, bool demo, Key *ret) {
        gchar *secret = NULL;
        int r;

        r = item_lookup(item, demo, &secret);
        if (r <= 0)
                return r;

        r = key_parse(secret, ret);
        secret_password_free(secret);
        return r < 0 ? r : 1;
}

static KeyringOutcome child_read(bool demo, char *password_variable, Keys *ret) {
        gchar *canary = NULL;
        bool opens;
        int r, found;

        r = item_lookup(ITEM_CANARY, demo, &canary);
        explicit_bzero(password_variable, strlen(password_variable));
        if (r < 0)
                return KEYRING_DAMAGED;
        opens = r > 0 && streq(canary, CANARY);
        secret_password_free(canary);

        found = key_lookup(ITEM_CURRENT, demo, &ret->current);
        if (!opens)
                return r == 0 && found == 0 ? KEYRING_PASSWORD_WRONG : KEYRING_DAMAGED;
        if (found <= 0)
                return KEYRING_DAMAGED;

        return key_lookup(ITEM_PENDING, demo, &ret->pending) < 0 ? KEYRING_DAMAGED : KEYRING_DONE;
}

static KeyringOutcome item_store(Item item, bool demo, const char *secret) {
        g_autoptr(GError) error = NULL;

        if (secret_password_store_sync(&schema, NULL, "Likeness", secret, NULL, &error, "purpose",
                            item_purpose(item, demo), NULL))
                return KEYRING_DONE;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NO_SPACE))
                return KEYRING_DISK_FULL;

        log_message(LOG_ERR, MESSAGE_KEYRING_FAILED, "the keyring cannot be written: %s",
                    error ? error->message : "libsecret does not say why");
        return KEYRING_DISK;
}

/* The canary is the last item, so that only a complete keyring opens. */
static KeyringOutcome child_write(bool demo, char *password_variable, Keys *keys, Key *make) {
        KeyringOutcome outcome;
        int r;

        if (make) {
                r = key_generate(make);
                if (r < 0) {
                        log_message_errno(LOG_ERR, r, MESSAGE_KEYRING_FAILED, "no key can be made: %m");
                        return KEYRING_INTERNAL_ERROR;
                }
        }

        outcome = item_store(ITEM_CURRENT, demo, keys->current.text);
        explicit_bzero(password_variable, strlen(password_variable));
        if (outcome == KEYRING_DONE && keys->pending.id[0] != '\0')
                outcome = item_store(ITEM_PENDING, demo, keys->pending.text);
        if (outcome == KEYRING_DONE)
                outcome = item_store(ITEM_CANARY, demo, CANARY);
        return outcome;
}

/* libsecret has GLib believe that the contents are well-formed; that is found out before. */
static bool items_well_formed(const uint8_t *data, size_t size) {
        g_autoptr(GBytes) bytes = NULL;
        g_autoptr(GVariant) variant = NULL;

        bytes = g_bytes_new(data + HEADER_SIZE, size - HEADER_SIZE);
        variant = g_variant_ref_sink(
                        g_variant_new_from_bytes(G_VARIANT_TYPE("(uayutua(a{say}ay))"), bytes, /* trusted= */ false));
        return g_variant_is_normal_form(variant);
}

/* --- in the helper */

/* Makes "SECRET_FILE_TEST_PASSWORD=…", which the child puts into its environment and then wipes. */
static char *password_variable_new(const char *password) {
        char *variable;

        return asprintf(&variable, "SECRET_FILE_TEST_PASSWORD=%s", password) < 0 ? NULL : variable;
}

static char *password_variable_free(char *variable) {
        explicit_bzero(variable, strlen(variable));
        free(variable);
        return NULL;
}
DEFINE_CLEANUP(char *, password_variable_free);

/* A child that a signal ended was made to crash: `if_killed` says what that means. Too little time or memory says nothing
 * about the file. */
static KeyringOutcome child_wait(pid_t pid, KeyringOutcome if_killed) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return KEYRING_INTERNAL_ERROR;

        if (WIFEXITED(status) && WEXITSTATUS(status) < _KEYRING_WIRE_MAX)
                return (KeyringOutcome) WEXITSTATUS(status);
        if (WIFSIGNALED(status))
                log_message(LOG_ERR, MESSAGE_KEYRING_FAILED, "libsecret was ended by signal %i (%s)", WTERMSIG(status),
                            strsignal(WTERMSIG(status)));
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGKILL))
                return KEYRING_INTERNAL_ERROR;
        return if_killed;
}

/* Forks a child that does not outlive us; 0 in the child. */
static pid_t child_fork(void) {
        pid_t parent = getpid(), pid;

        pid = fork();
        if (pid < 0)
                log_message_errno(LOG_ERR, -errno, MESSAGE_KEYRING_FAILED, "no process for libsecret: %m");
        if (pid != 0)
                return pid;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(KEYRING_INTERNAL_ERROR);
        return 0;
}

static int copy_to_memory(const uint8_t *data, size_t size) {
        _cleanup_close_ int fd = -1;

        fd = memfd_create("likeness-keyring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        if (write(fd, data, size) != (ssize_t) size)
                return -EIO;
        if (fcntl(fd, F_ADD_SEALS, KEYRING_SEALS) < 0)
                return -errno;

        return take_fd(&fd);
}

KeyringOutcome keyring_read(const uint8_t *data, size_t size, bool demo, const char *password, Keys *ret) {
        _cleanup_(password_variable_freep) char *variable = NULL;
        char path[sizeof("/proc/self/fd/") + 3 * sizeof(int)];
        _cleanup_close_ int fd = -1;
        pid_t pid;

        explicit_bzero(ret, sizeof(*ret));
        if (!keyring_file_header_valid(data, size))
                return KEYRING_DAMAGED;

        variable = password_variable_new(password);
        fd = copy_to_memory(data, size);
        if (!variable || fd < 0) {
                log_message_errno(LOG_ERR, fd < 0 ? fd : -ENOMEM, MESSAGE_KEYRING_FAILED,
                                  "no memory for the keyring: %m");
                return KEYRING_INTERNAL_ERROR;
        }
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%i", fd);

        pid = child_fork();
        if (pid < 0)
                return KEYRING_INTERNAL_ERROR;
        if (pid == 0) {
                child_prepare(path, variable);
                _exit(items_well_formed(data, size) ? child_read(demo, variable, ret) : KEYRING_DAMAGED);
        }

        return child_wait(pid, /* if_killed= */ KEYRING_DAMAGED);
}

KeyringOutcome keyring_write(const char *path, bool demo, const char *password, Keys *keys, Key *make) {
        _cleanup_(password_variable_freep) char *variable = NULL;
        pid_t pid;

        variable = password_variable_new(password);
        if (!variable)
                return KEYRING_INTERNAL_ERROR;

        pid = child_fork();
        if (pid < 0)
                return KEYRING_INTERNAL_ERROR;
        if (pid == 0) {
                child_prepare(path, variable);
                _exit(child_write(demo, variable, keys, make));
        }

        return child_wait(pid, /* if_killed= */ KEYRING_INTERNAL_ERROR);
}
