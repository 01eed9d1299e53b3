/* SPDX-License-Identifier: Apache-2.0 */

#include "models.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MODEL_BYTES_MAX (UINT64_C(256) * 1024 * 1024)

static int descriptor_sha256(int fd, uint8_t *ret) {
        struct sha256_ctx context;
        struct stat st;
        void *bytes;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t) st.st_size > MODEL_BYTES_MAX)
                return -EBADMSG;

        bytes = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (bytes == MAP_FAILED)
                return -errno;

        sha256_init(&context);
        sha256_update(&context, (size_t) st.st_size, bytes);
        sha256_digest(&context, MODEL_SHA256_SIZE, ret);
        (void) munmap(bytes, (size_t) st.st_size);
        return 0;
}

static int model_open(const Model *model, int *ret_fd, Outcome *reterr_outcome) {
        _cleanup_close_ int fd = -1;
        uint8_t sha256[MODEL_SHA256_SIZE];
        int r;

        fd = open(model->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0) {
                *reterr_outcome = OUTCOME_MODEL_MISSING;
                return log_error_errno(-errno, "%s: model %s cannot be opened: %m", model->path, model->name);
        }

        r = descriptor_sha256(fd, sha256);
        if (r >= 0 && memcmp(sha256, model->sha256, sizeof(sha256)) != 0)
                r = -EBADMSG;
        if (r < 0) {
                *reterr_outcome = OUTCOME_MODEL_ALTERED;
                return log_error_errno(r, "%s: is not the model %s of the manifest (its SHA-256 differs)",
                                model->path, model->name);
        }

        *ret_fd = take_fd(&fd);
        return 0;
}

int models_open(
                const char *manifest_path,
                const char *directory,
                Models **ret,
                Outcome *reterr_outcome,
                uint32_t *reterr_model) {

        _cleanup_(models_freep) Models *m = NULL;
        int r;

        m = calloc(1, sizeof(*m));
        if (!m) {
                *reterr_outcome = OUTCOME_INTERNAL_ERROR;
                return -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(m->fds); i++)
                m->fds[i] = -1;

        r = manifest_load(manifest_path, directory, &m->manifest);
        if (r < 0) {
                *reterr_outcome = OUTCOME_MANIFEST_UNUSABLE;
                return r;
        }

        for (size_t i = 0; i < m->manifest->n_models; i++) {
                r = model_open(&m->manifest->models[i], &m->fds[i], reterr_outcome);
                if (r < 0) {
                        *reterr_model = (uint32_t) i;
                        return r;
                }
        }

        *ret = TAKE_PTR(m);
        return 0;
}

Models *models_free(Models *m) {
        if (!m)
                return NULL;

        for (size_t i = 0; i < ELEMENTSOF(m->fds); i++)
                safe_close(m->fds[i]);
        manifest_free(m->manifest);
        free(m);
        return NULL;
}
