/* SPDX-License-Identifier: Apache-2.0 */

#include "search.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int search_init(Search *s, int needles) {
        int r;

        *s = (Search) {};
        r = needles_read(&s->needles, needles);
        if (r < 0)
                return r;
        s->finder = finder_new(&s->needles);
        s->buffer = malloc(CHUNK + NEEDLE_SIZE_MAX);
        return s->finder && s->buffer ? 0 : -ENOMEM;
}

void search_done(Search *s) {
        finder_free(s->finder);
        needles_done(&s->needles);
        free(s->buffer);
        free(s->except.list);
        free(s->seen.list);
}

void search_begin(Search *s, const char *class_, const char *format, ...) {
        va_list arguments;

        s->class_ = class_;
        s->bytes = 0;
        memset(s->found, 0, sizeof(s->found));
        va_start(arguments, format);
        if (vasprintf(&s->place, format, arguments) < 0)
                abort();
        va_end(arguments);
        for (char *c = s->place; *c; c++)
                if (*c == '\t' || *c == '\n')
                        *c = '?';
}

static void on_found(size_t needle, size_t offset, void *userdata) {
        Search *s = userdata;
        const Needle *n = s->needles.list + needle;

        if (offset >= s->limit)
                return;
        if (s->found[n->kind][n->form].count++ == 0)
                s->found[n->kind][n->form].first = s->offset + offset;
        s->all_found++;
}

void search_bytes(Search *s, const uint8_t *bytes, size_t size, size_t ahead, uint64_t offset) {
        s->offset = offset;
        s->limit = size;
        s->bytes += size;
        s->all_bytes += size;
        finder_scan(s->finder, bytes, size + ahead, on_found, s);
}

void search_end(Search *s) {
        printf("searched\t%s\t%s\t%" PRIu64 "\n", s->class_, s->place, s->bytes);
        for (size_t kind = 0; kind < _NEEDLE_KIND_MAX; kind++)
                for (size_t form = 0; form < _NEEDLE_FORM_MAX; form++)
                        if (s->found[kind][form].count > 0)
                                printf("found\t%s\t%s\t%s\t%s\t%" PRIu64 "\t%#" PRIx64 "\n", s->class_, s->place,
                                       needle_kind_to_string((NeedleKind) kind),
                                       needle_form_to_string((NeedleForm) form), s->found[kind][form].count,
                                       s->found[kind][form].first);
        free(s->place);
        s->place = NULL;
}

void search_failed(Search *s, const char *what, const char *where) {
        fprintf(stderr, "search: %s: %s\n", where, what);
        s->incomplete = true;
}

bool file_list_has(const FileList *l, const struct stat *st) {
        for (size_t i = 0; i < l->n; i++)
                if (l->list[i].device == st->st_dev && l->list[i].inode == st->st_ino)
                        return true;
        return false;
}

bool file_list_add(FileList *l, const struct stat *st) {
        if (file_list_has(l, st))
                return false;
        if (!l->list)
                l->list = calloc(FILES_MAX, sizeof(FileId));
        if (!l->list || l->n == FILES_MAX)
                abort();
        l->list[l->n++] = (FileId) { st->st_dev, st->st_ino };
        return true;
}

/* --- the program */

static void search_processes(Search *s, const char *of, const pid_t *except, size_t n_except) {
        char path[64], wanted[64] = "", is[64];
        struct dirent *entry;
        DIR *processes;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/%s/ns/pid", of);
        n = readlink(path, wanted, sizeof(wanted) - 1);
        if (n <= 0) {
                search_failed(s, strerror(errno), path);
                return;
        }

        processes = opendir("/proc");
        while (processes && (entry = readdir(processes))) {
                pid_t pid = atoi(entry->d_name);
                bool skipped = pid <= 0 || pid == getpid();

                for (size_t i = 0; i < n_except; i++)
                        skipped = skipped || pid == except[i];
                (void) snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
                if (skipped || readlink(path, is, sizeof(is)) != n || memcmp(is, wanted, (size_t) n) != 0)
                        continue;
                search_process(s, pid);
        }
        if (processes)
                (void) closedir(processes);
}

static void except_path(Search *s, const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                search_failed(s, strerror(errno), path);
        else
                (void) file_list_add(&s->except, &st);
}

static const char usage[] =
        "usage: search NEEDLES [WORD]…\n"
        "  except=PATH     this file is not searched, nor what is below this directory\n"
        "  except-pid=PID  this process is not searched\n"
        "  processes=PID   search the processes of the namespace that PID is in (\"self\": ours)\n"
        "  since=SECONDS   of the trees that follow, only files changed since then\n"
        "  owner=UID       … only files of this user, and of others that are named so; \"anybody\": of all again\n"
        "  tree=PATH       search the files below\n"
        "  stream=NAME     search standard input and call it so\n"
        "  ipc             search System V shared memory and message queues\n"
        "Words are obeyed in their order. Exits with 0 if nothing was found, 1 if something was, 2 if it could not\n"
        "look.\n";

static const char *value_of(const char *word, const char *name) {
        size_t n = strlen(name);

        return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static bool obey(Search *s, const char *word) {
        static pid_t except[64];
        static uid_t owners[16];
        static size_t n_except, n_owners;
        static time_t since;
        const char *value;

        if ((value = value_of(word, "except")))
                except_path(s, value);
        else if ((value = value_of(word, "except-pid")) && n_except < ELEMENTSOF(except))
                except[n_except++] = atoi(value);
        else if ((value = value_of(word, "processes")))
                search_processes(s, value, except, n_except);
        else if ((value = value_of(word, "since")))
                since = atol(value);
        else if ((value = value_of(word, "tree")))
                search_tree(s, value, since, owners, n_owners);
        else if ((value = value_of(word, "owner")) && streq(value, "anybody"))
                n_owners = 0;
        else if (value && n_owners < ELEMENTSOF(owners))
                owners[n_owners++] = (uid_t) atol(value);
        else if ((value = value_of(word, "stream"))) {
                search_begin(s, "stream", "%s", value);
                search_stream(s, STDIN_FILENO);
                search_end(s);
        } else if (streq(word, "ipc"))
                search_ipc(s);
        else
                return false;
        return true;
}

int main(int argc, char *argv[]) {
        _cleanup_close_ int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
        Search s;
        int r;

        r = fd < 0 ? -errno : search_init(&s, fd);
        if (r < 0) {
                fprintf(stderr, "search: the needles cannot be read: %s\n%s", strerror(-r), usage);
                return 2;
        }

        for (int i = 2; i < argc; i++)
                if (!obey(&s, argv[i])) {
                        fprintf(stderr, "search: %s: no such word\n%s", argv[i], usage);
                        return 2;
                }

        r = s.incomplete ? 2 : s.all_found > 0 ? 1 : 0;
        search_done(&s);
        return r;
}
