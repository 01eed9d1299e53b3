/* SPDX-License-Identifier: Apache-2.0 */

/* The Debian package of a site's models: for terminals without a network, and for apt's own ways to bring it to many. */

#include "models-pack.h"
#include "deb-archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nettle/base16.h>
#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdio.h>

#define NAME "likeness-models"
#define MODELS "/usr/share/likeness/models"     /* wherever this likenessctl is */
#define PLACE "." MODELS
#define DOC "./usr/share/doc/" NAME
#define MAINTAINER "Local package <likeness@example.org>"
#define VERSION_SIZE 64U
#define HASH_DIGITS 12

static const char *const directories[] = {
        ".", "./usr", "./usr/share", "./usr/share/doc", DOC, "./usr/share/likeness", PLACE, PLACE "/licenses",
};

/* What is made for the package besides the files themselves. */
typedef struct Pack {
        const ModelFiles *files;
        char version[VERSION_SIZE];
        char *sums, *copyright, *control, *md5sums;
        DebBytes changelog, control_archive, data_archive;
        DebFile *data;                 /* directories and files, in order */
        char **paths;                  /* of the models' files in `data` */
        size_t n;
} Pack;

static void pack_done(Pack *p) {
        for (size_t i = 0; p->paths && i < p->files->n; i++)
                free(p->paths[i]);
        free(p->paths);
        free(p->data);
        free(p->sums);
        free(p->copyright);
        free(p->control);
        free(p->md5sums);
        deb_bytes_done(&p->changelog);
        deb_bytes_done(&p->control_archive);
        deb_bytes_done(&p->data_archive);
}

/* Text that is written like a file and ends up in memory. */
static int text_done(FILE *f, int r) {
        if (!f)
                return -ENOMEM;
        if (fflush(f) != 0)
                r = -ENOMEM;
        (void) fclose(f);
        return r;
}

static int make_sums(Pack *p) {
        size_t size;
        FILE *f = open_memstream(&p->sums, &size);

        for (size_t i = 0; f && i < p->files->n; i++)
                fprintf(f, "%s  %s\n", p->files->files[i].sha256, p->files->files[i].name);
        return text_done(f, 0);
}

/* Of the sums, and with them of all that the package holds. */
static void make_version(Pack *p, const char *release) {
        uint8_t digest[SHA256_DIGEST_SIZE];
        char text[BASE16_ENCODE_LENGTH(SHA256_DIGEST_SIZE)];
        struct sha256_ctx context;

        sha256_init(&context);
        sha256_update(&context, strlen(p->sums), (const uint8_t *) p->sums);
        sha256_digest(&context, sizeof(digest), digest);
        base16_encode_update(text, sizeof(digest), digest);
        (void) snprintf(p->version, sizeof(p->version), "%s+%.*s", release, HASH_DIGITS, text);
}

/* The lines of a licence's text that say whose it is: "Copyright (c) 2020 …", but no forms to be filled in. */
static void copy_notices(const ModelFile *file, FILE *f) {
        const char *line = file->data, *end;

        for (; *line; line = *end ? end + 1 : end) {
                end = strchrnul(line, '\n');
                line += strspn(line, " \t");
                if (end - line < LINE_MAX && strncasecmp(line, "Copyright ", strlen("Copyright ")) == 0 &&
                    line + strcspn(line, "0123456789") < end)
                        fprintf(f, "  %.*s (licenses/%s)\n", (int) (end - line), line, strchr(file->name, '/') + 1);
        }
}

static int make_copyright(Pack *p) {
        const Manifest *m = p->files->manifest;
        size_t size;
        FILE *f = open_memstream(&p->copyright, &size);

        if (f)
                fprintf(f, "This package was made by \"likenessctl models pack\" of files that others published. Each has a\n"
                           "licence of its own, whose text is in " MODELS "/licenses. (On Debian systems\n"
                           "/usr/share/common-licenses/Apache-2.0 has the Apache License as well.) They say:\n\n");
        for (size_t i = 0; f && i < p->files->n; i++)
                if (strchr(p->files->files[i].name, '/'))
                        copy_notices(&p->files->files[i], f);
        for (size_t i = 0; f && i < m->n_models; i++) {
                const Model *model = &m->models[i];

                fprintf(f, "\n%s\n  %s\n  From: %s\n  Licence: %s, see licenses/%s\n", model->file,
                                model->title ?: model->name, model->upstream ?: "not said", model->licence,
                                model->licence_file);
        }
        return text_done(f, 0);
}

static int make_changelog(Pack *p) {
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, NAME " (%s) unstable; urgency=medium\n\n  * Made by likenessctl models pack.\n\n"
                            " -- " MAINTAINER "  Sat, 01 Jan 2000 00:00:00 +0000\n", p->version) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return deb_gzip(text, strlen(text), &p->changelog);
}

/* All that is installed: directories before what is in them. */
static int list_data(Pack *p) {
        const struct { const char *path; const void *data; size_t size; } made[] = {
                { DOC "/changelog.gz", p->changelog.data, p->changelog.size },
                { DOC "/copyright", p->copyright, strlen(p->copyright) },
                { PLACE "/SHA256SUMS", p->sums, strlen(p->sums) },
        };

        p->data = calloc(ELEMENTSOF(directories) + ELEMENTSOF(made) + p->files->n, sizeof(*p->data));
        p->paths = calloc(p->files->n, sizeof(*p->paths));
        if (!p->data || !p->paths)
                return -ENOMEM;

        for (size_t i = 0; i < ELEMENTSOF(directories); i++)
                p->data[p->n++] = (DebFile) { .path = directories[i] };
        for (size_t i = 0; i < ELEMENTSOF(made); i++)
                p->data[p->n++] = (DebFile) { made[i].path, made[i].data, made[i].size };
        for (size_t i = 0; i < p->files->n; i++) {
                const ModelFile *file = &p->files->files[i];

                if (asprintf(&p->paths[i], PLACE "/%s", file->name) < 0) {
                        p->paths[i] = NULL;
                        return -ENOMEM;
                }
                p->data[p->n++] = (DebFile) { p->paths[i], file->data, file->size };
        }
        return 0;
}

static int make_md5sums(Pack *p) {
        size_t size;
        FILE *f = open_memstream(&p->md5sums, &size);

        for (size_t i = 0; f && i < p->n; i++) {
                char text[BASE16_ENCODE_LENGTH(MD5_DIGEST_SIZE) + 1] = "";
                uint8_t digest[MD5_DIGEST_SIZE];
                struct md5_ctx context;

                if (!p->data[i].data)
                        continue;
                md5_init(&context);
                md5_update(&context, p->data[i].size, p->data[i].data);
                md5_digest(&context, sizeof(digest), digest);
                base16_encode_update(text, sizeof(digest), digest);
                fprintf(f, "%s  %s\n", text, p->data[i].path + strlen("./"));
        }
        return text_done(f, 0);
}

static int make_control(Pack *p) {
        size_t size, kib = 0;
        FILE *f = open_memstream(&p->control, &size);

        for (size_t i = 0; i < p->n; i++)
                kib += p->data[i].data ? (p->data[i].size + 1023) / 1024 : 1;
        if (f)
                fprintf(f, "Package: " NAME "\n"
                           "Version: %s\n"
                           "Architecture: all\n"
                           "Maintainer: " MAINTAINER "\n"
                           "Installed-Size: %zu\n"
                           "Enhances: likeness\n"
                           "Section: misc\n"
                           "Priority: optional\n"
                           "Multi-Arch: foreign\n"
                           "Description: networks for the live face check of Likeness\n"
                           " The networks that Likeness detects, judges and compares faces with, the\n"
                           " manifest that says what was measured with them, and their licences.\n"
                           " .\n"
                           " This package was made locally, by \"likenessctl models pack\".\n", p->version, kib);
        return text_done(f, 0);
}

static int make_archives(Pack *p) {
        int r;

        r = deb_tar(p->data, p->n, &p->data_archive);
        if (r < 0)
                return r;

        const DebFile control[] = {
                { .path = "." },
                { "./control", p->control, strlen(p->control) },
                { "./md5sums", p->md5sums, strlen(p->md5sums) },
        };
        return deb_tar(control, ELEMENTSOF(control), &p->control_archive);
}

static int make(Pack *p) {
        int (*const steps[])(Pack *) = { make_copyright, make_changelog, list_data, make_md5sums, make_control,
                                         make_archives };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(steps); i++)
                r = steps[i](p);
        return r;
}

static int say(int error, const char *path) {
        fprintf(stderr, "likenessctl: %s: %s\n", path, strerror(-error));
        return error;
}

/* A new file: nothing is replaced, and nothing half made is left. */
static int write_new(Pack *p, const char *path) {
        _cleanup_close_ int fd = -1;
        int r;

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return say(-errno, path);

        r = make(p);
        if (r >= 0)
                r = deb_write(fd, &p->control_archive, &p->data_archive);
        if (r >= 0 && fsync(fd) < 0)
                r = say(-errno, path);
        if (r < 0)
                (void) unlink(path);
        return r;
}

int models_pack(const ModelFiles *files, const char *release, const char *output) {
        _cleanup_(pack_done) Pack p = { .files = files };
        _cleanup_free_ char *name = NULL;
        int r;

        r = make_sums(&p);
        if (r < 0)
                return r;
        make_version(&p, release);
        if (!output && asprintf(&name, NAME "_%s_all.deb", p.version) < 0) {
                name = NULL;
                return -ENOMEM;
        }

        r = write_new(&p, output ?: name);
        if (r >= 0)
                puts(output ?: name);
        return r;
}
