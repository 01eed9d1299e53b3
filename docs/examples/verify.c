/* SPDX-License-Identifier: Apache-2.0 */

/* How a point-of-sale program asks Likeness, in C with sd-bus:
 *
 *     cc -D_GNU_SOURCE -o verify verify.c $(pkg-config --cflags --libs libsystemd)
 *     ./verify portrait.jpg
 *
 * One call; the prompts for the customer come as signals meanwhile and are not shown here (likenessctl shows how). */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define TIMEOUT_USEC (UINT64_C(120) * 1000000) /* sd-bus would wait 25 s; a customer may need longer */

/* The picture in a memfd that nobody can change any more: the only form in which Likeness takes one. */
static int sealed_copy(const char *path) {
        int file, memory = -1;
        struct stat st;

        file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
                return -errno;
        if (fstat(file, &st) >= 0)
                memory = memfd_create("reference", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (memory < 0 || sendfile(memory, file, NULL, (size_t) st.st_size) != st.st_size ||
                        fcntl(memory, F_ADD_SEALS, SEALS) < 0) {
                int r = errno > 0 ? -errno : -EIO;

                if (memory >= 0)
                        close(memory);
                close(file);
                return r;
        }
        close(file);
        return memory;
}

/* 0 after printing the verdict, or a negative errno; `error` says more. */
static int verify(sd_bus *bus, int reference, sd_bus_error *error) {
        sd_bus_message *call = NULL, *reply = NULL;
        const char *verdict;
        int r;

        r = sd_bus_message_new_method_call(bus, &call, "org.likeness.Verifier1", "/org/likeness/Verifier1",
                        "org.likeness.Verifier1", "Verify");
        if (r >= 0)
                r = sd_bus_message_append(call, "a{sv}", 3, "document", "s", "id-card", "challenge", "s", "none",
                                "reference", "h", reference);
        if (r >= 0)
                r = sd_bus_call(bus, call, TIMEOUT_USEC, error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "s", &verdict);
        if (r >= 0)
                printf("%s\n", verdict); /* the result, a{sv}, follows in the message: reasons, support-code … */

        sd_bus_message_unref(call);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 0;
}

int main(int argc, char *argv[]) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int reference, r;
        sd_bus *bus = NULL;

        if (argc != 2) {
                fprintf(stderr, "usage: %s PORTRAIT\n", argv[0]);
                return 2;
        }
        reference = sealed_copy(argv[1]);
        if (reference < 0) {
                fprintf(stderr, "%s: %s\n", argv[1], strerror(-reference));
                return 2;
        }

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = verify(bus, reference, &error);
        if (r < 0)
                fprintf(stderr, "%s\n", error.message ? error.message : strerror(-r));

        close(reference);
        sd_bus_error_free(&error);
        sd_bus_flush_close_unref(bus);
        return r < 0 ? 3 : 0;
}
