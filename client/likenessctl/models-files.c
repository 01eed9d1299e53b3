/* SPDX-License-Identifier: Apache-2.0 */

#include "models-files.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (256 * 1024 * 1024)     /* as in the examiner */

static void file_done(ModelFile *f) {
        free(f->name);
        free(f->data);
        *f = (ModelFile) {};
}

void model_files_done(ModelFiles *f) {
        for (size_t i = 0; i < f->n; i++)
                file_done(&f->files[i]);
        free(f->files);
        manifest_free(f->manifest);
        *f = (ModelFiles) {};
}

/* A whole regular file; links are followed. */
static int read_file(const char *path, ModelFile *f) {
        _cleanup_close_ int fd = -1;
        struct stat st;
        ssize_t n;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > FILE_BYTES_MAX)
                return -EFBIG;

        f->data = malloc((size_t) st.st_size + 1);
        if (!f->data)
                return -ENOMEM;
        n = file_read_all(fd, f->data, (size_t) st.st_size);
        if (n < 0)
                return (int) n;
        f->size = (size_t) n;
        f->data[n] = '\0';
        return 0;
}

static void hash(ModelFile *f) {
        struct sha256_ctx context;
        uint8_t digest[SHA256_DIGEST_SIZE];

        sha256_init(&context);
        sha256_update(&context, f->size, (const uint8_t *) f->data);
        sha256_digest(&context, sizeof(digest), digest);
        base16_encode_update(f->sha256, sizeof(digest), digest);
        f->sha256[SHA256_TEXT - 1] = '\0';
}

static const ModelFile *find(const ModelFiles *f, const char *name) {
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->files[i].name, name))
                        return &f->files[i];
        return NULL;
}

/* Takes over what `file` holds, in the order of names. */
static int insert(ModelFiles *f, ModelFile *file) {
        ModelFile *more = reallocarray(f->files, f->n + 1, sizeof(*more));
        size_t at = f->n;

        if (!more)
                return -ENOMEM;
        f->files = more;
        while (at > 0 && strcmp(more[at - 1].name, file->name) > 0)
                at--;
        memmove(&more[at + 1], &more[at], (f->n - at) * sizeof(*more));
        more[at] = *file;
        f->n++;
        *file = (ModelFile) {};
        return 0;
}

static bool is_expected(ModelFiles *f, const char *path, const ModelFile *file, const char *expected) {
        if (streq(file->sha256, expected))
                return true;

        fprintf(stderr, "likenessctl: %s: is another file than the manifest names: its SHA-256 is %s, not %s\n", path,
                        file->sha256, expected);
        f->problems++;
        return false;
}

/* Reads `path` as the file `name`; 1 if it is there, 0 if it cannot be read, which was said. */
static int add(ModelFiles *f, const char *path, const char *name, const char *expected, const char *hint) {
        _cleanup_(file_done) ModelFile file = {};
        int r;

        file.name = strdup(name);
        if (!file.name)
                return -ENOMEM;
        r = read_file(path, &file);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                fprintf(stderr, "likenessctl: %s: %s%s\n", path, strerror(-r), hint);
                f->problems++;
                return 0;
        }

        hash(&file);
        if (expected && !is_expected(f, path, &file, expected))
                return 0;

        r = insert(f, &file);
        return r < 0 ? r : 1;
}

static int add_models(ModelFiles *f, FILE *report) {
        for (size_t i = 0; i < f->manifest->n_models; i++) {
                const Model *model = &f->manifest->models[i];
                const ModelFile *same = find(f, model->file);
                char expected[MODEL_SHA256_TEXT];
                int r;

                model_sha256_text(model, expected);
                if (same)
                        r = is_expected(f, model->path, same, expected);
                else
                        r = add(f, model->path, model->file, expected, "");
                if (r < 0)
                        return r;
                if (r > 0 && report)
                        fprintf(report, "%s: %s is the manifest's\n", model->name, model->file);
        }
        return 0;
}

int model_files_read(const char *directory, const char *manifest, FILE *report, ModelFiles *ret) {
        _cleanup_(model_files_done) ModelFiles f = {};
        int r;

        r = manifest_load(manifest, directory, &f.manifest);
        if (r < 0)
                return r;
        r = add(&f, f.manifest->path, "manifest", NULL, "");
        if (r > 0)
                r = add_models(&f, report);
        if (r < 0)
                return r;

        *ret = f;
        f = (ModelFiles) {};
        return 0;
}

int model_files_add_licences(ModelFiles *f, const char *licences) {
        for (size_t i = 0; i < f->manifest->n_models; i++) {
                const Model *model = &f->manifest->models[i];
                _cleanup_free_ char *path = NULL, *name = NULL, *hint = NULL;
                int r;

                if (!model->licence || !model->licence_file) {
                        fprintf(stderr, "likenessctl: %s: [%s] lacks Licence= or LicenceFile=: nobody may pass on a model "
                                        "whose licence is not known\n", f->manifest->path, model->name);
                        f->problems++;
                        continue;
                }
                if (asprintf(&name, "licenses/%s", model->licence_file) < 0 ||
                    asprintf(&path, "%s/%s", licences, model->licence_file) < 0 ||
                    asprintf(&hint, "; put the text of the licence of %s (%s) there", model->name, model->licence) < 0)
                        return -ENOMEM;
                r = find(f, name) ? 1 : add(f, path, name, NULL, hint);
                if (r < 0)
                        return r;
        }
        return 0;
}
