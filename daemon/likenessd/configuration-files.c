/* SPDX-License-Identifier: Apache-2.0 */

/* Which files are read: as systemd's daemons do it, see systemd.syntax(7) and likeness.conf(5). */

#include "configuration-keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define MAIN_FILE "likeness/likeness.conf"
#define DROP_INS "likeness/likeness.conf.d"

/* What the administrator wrote goes before what a program wrote for this boot, and that before the vendor's. */
static const char *const places[] = { "/etc", "/run", "/usr/lib" };

typedef struct DropIn {
        char *name, *path;
} DropIn;

typedef struct DropIns {
        DropIn *all;
        size_t n;
} DropIns;

static void drop_ins_done(DropIns *d) {
        for (size_t i = 0; i < d->n; i++) {
                free(d->all[i].name);
                free(d->all[i].path);
        }
        free(d->all);
}

static bool drop_ins_have(const DropIns *d, const char *name) {
        for (size_t i = 0; i < d->n; i++)
                if (streq(d->all[i].name, name))
                        return true;
        return false;
}

static int drop_ins_add(DropIns *d, const char *directory, const char *name) {
        DropIn new = {}, *all;

        all = realloc(d->all, (d->n + 1) * sizeof(*all));
        if (!all)
                return -ENOMEM;
        d->all = all;

        new.name = strdup(name);
        if (!new.name || asprintf(&new.path, "%s/%s", directory, name) < 0) {
                free(new.name);
                return -ENOMEM;
        }
        d->all[d->n++] = new;
        return 0;
}

/* Editors' and package managers' left-overs end otherwise, or begin with a dot. */
static bool is_drop_in(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return n > 5 && entry->d_name[0] != '.' && streq(entry->d_name + n - 5, ".conf") && entry->d_type != DT_DIR;
}

static void directory_closep(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

/* Adds those of one directory whose names an earlier directory does not have. */
static int drop_ins_scan(DropIns *d, const char *root, const char *place) {
        _cleanup_(directory_closep) DIR *stream = NULL;
        _cleanup_free_ char *directory = NULL;
        struct dirent *entry;

        if (asprintf(&directory, "%s%s/" DROP_INS, root, place) < 0) {
                directory = NULL;
                return -ENOMEM;
        }
        stream = opendir(directory);
        if (!stream)
                return errno == ENOENT ? 0 : -errno;

        for (;;) {
                int r;

                errno = 0;
                entry = readdir(stream);
                if (!entry)
                        return -errno;
                if (!is_drop_in(entry) || drop_ins_have(d, entry->d_name))
                        continue;
                r = drop_ins_add(d, directory, entry->d_name);
                if (r < 0)
                        return r;
        }
}

static int by_name(const void *a, const void *b) {
        return strcmp(((const DropIn *) a)->name, ((const DropIn *) b)->name);
}

/* The first main file that there is, NULL if there is none. A link that leads nowhere is there. */
static int find_main(const char *root, char **ret) {
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                char *path;

                if (asprintf(&path, "%s%s/" MAIN_FILE, root, places[i]) < 0)
                        return -ENOMEM;
                if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) >= 0 || errno != ENOENT) {
                        *ret = path;
                        return 0;
                }
                free(path);
        }
        return 0;
}

int configuration_files_find(const char *root, ConfigurationFiles *ret) {
        _cleanup_(configuration_files_done) ConfigurationFiles files = {};
        _cleanup_(drop_ins_done) DropIns found = {};
        char *main_file = NULL;
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(places) && r >= 0; i++)
                r = drop_ins_scan(&found, root, places[i]);
        if (r < 0)
                return r;
        if (found.n > 0)
                qsort(found.all, found.n, sizeof(*found.all), by_name);

        files.paths = calloc(found.n + 1, sizeof(*files.paths));
        if (!files.paths)
                return -ENOMEM;
        r = find_main(root, &main_file);
        if (r < 0)
                return r;
        if (main_file)
                files.paths[files.n++] = main_file;
        for (size_t i = 0; i < found.n; i++)
                files.paths[files.n++] = TAKE_PTR(found.all[i].path);

        *ret = files;
        files = (ConfigurationFiles) {};
        return 0;
}

void configuration_files_done(ConfigurationFiles *files) {
        for (size_t i = 0; i < files->n; i++)
                free(files->paths[i]);
        free(files->paths);
}
