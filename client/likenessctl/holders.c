/* SPDX-License-Identifier: Apache-2.0 */

#include "holders.h"
#include "macro.h"
#include "output.h"
#include "result.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <sys/stat.h>

#define NAME_MAX_COMM 16               /* the kernel's limit, with the end */

/* A device that is looked for, by what it is: it may be open under another name. */
typedef struct Device {
        const char *path;
        dev_t number;
        bool there;
} Device;

static void closedirp(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

static bool is_number(const char *s) {
        return isdigit((unsigned char) s[0]);
}

static void read_program(int proc, const char *pid, char ret[static NAME_MAX_COMM]) {
        _cleanup_close_ int fd = -1;
        char path[272];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "%s/comm", pid);
        fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, ret, NAME_MAX_COMM - 1);
        ret[n > 0 ? n : 0] = '\0';
        ret[strcspn(ret, "\n")] = '\0';
}

static json_t *user_of(int proc, const char *pid) {
        const struct passwd *entry;
        struct stat st;

        if (fstatat(proc, pid, &st, 0) < 0)
                return json_null();
        entry = getpwuid(st.st_uid);
        return entry ? json_string(entry->pw_name) : json_sprintf("%u", st.st_uid);
}

static int add_holder(json_t *all, int proc, const char *pid, const Device *d) {
        char program[NAME_MAX_COMM];
        json_t *name, *holder;

        read_program(proc, pid, program);
        name = json_string(program);
        if (!name)                     /* a program may call itself anything, also what is no text */
                name = json_string("?");
        holder = json_pack("{s:s, s:o, s:I, s:o}", "device", d->path, "program", name, "pid",
                           (json_int_t) strtol(pid, NULL, 10), "user", user_of(proc, pid));
        return json_array_append_new(all, holder) < 0 ? -ENOMEM : 0;
}

/* A process that has a device open several times is told once for it. */
static int add_process(json_t *all, int proc, const char *pid, const Device *devices, size_t n) {
        _cleanup_(closedirp) DIR *fds = NULL;
        _cleanup_free_ bool *seen = calloc(n, sizeof(bool));
        char path[272];
        int fd, r = 0;

        if (!seen)
                return -ENOMEM;
        (void) snprintf(path, sizeof(path), "%s/fd", pid);
        fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fds = fd < 0 ? NULL : fdopendir(fd);
        if (!fds)
                return 0;              /* it has ended, or is none of the caller's business */

        for (const struct dirent *e = readdir(fds); e && r >= 0; e = readdir(fds)) {
                struct stat st;

                /* nothing is opened by this, so nothing can be held up by it */
                if (!is_number(e->d_name) || fstatat(fd, e->d_name, &st, 0) < 0 || !S_ISCHR(st.st_mode))
                        continue;
                for (size_t i = 0; i < n && r >= 0; i++)
                        if (devices[i].there && !seen[i] && devices[i].number == st.st_rdev) {
                                seen[i] = true;
                                r = add_holder(all, proc, pid, &devices[i]);
                        }
        }
        return r;
}

static int add_processes(json_t *all, const Device *devices, size_t n) {
        _cleanup_(closedirp) DIR *proc = opendir("/proc");
        int r = 0;

        if (!proc)
                return 0;
        for (const struct dirent *e = readdir(proc); e && r >= 0; e = readdir(proc))
                if (is_number(e->d_name))
                        r = add_process(all, dirfd(proc), e->d_name, devices, n);
        return r;
}

json_t *holders_of(const char *const *devices, size_t n) {
        _cleanup_free_ Device *all = calloc(n + 1, sizeof(*all));
        json_t *holders = json_array();

        if (!all || !holders) {
                json_decref(holders);
                return NULL;
        }
        for (size_t i = 0; i < n; i++) {
                struct stat st;

                all[i] = (Device) { .path = devices[i] };
                all[i].there = stat(devices[i], &st) == 0 && S_ISCHR(st.st_mode);
                if (all[i].there)
                        all[i].number = st.st_rdev;
        }
        if (add_processes(holders, all, n) < 0) {
                json_decref(holders);
                return NULL;
        }
        return holders;
}

json_t *holders_of_cameras(void) {
        json_t *holders;
        glob_t found;

        if (glob("/dev/video*", 0, NULL, &found) != 0)
                return json_array();
        holders = holders_of((const char *const *) found.gl_pathv, found.gl_pathc);
        globfree(&found);
        return holders;
}

void holders_print(FILE *file, const json_t *holders, const char *indent) {
        for (size_t i = 0; i < json_array_size(holders); i++) {
                const json_t *h = json_array_get(holders, i);

                fputs(indent, file);
                output_text(file, result_string(h, "device"));
                fputs(" is held by ", file);
                output_text(file, result_string(h, "program"));
                fprintf(file, " (process %d", (int) json_integer_value(json_object_get(h, "pid")));
                if (result_string(h, "user")) {
                        fputs(" of ", file);
                        output_text(file, result_string(h, "user"));
                }
                fputs(")\n", file);
        }
}
