/* SPDX-License-Identifier: Apache-2.0 */

#include "durable.h"
#include "file.h"
#include "macro.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* No keyring is larger; what is, is not worth the time. */
#define WIPE_MAX ((off_t) 16 * 1024 * 1024)

int durable_read(int directory, const char *name, size_t max, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_close_ int fd = -1;
        struct stat st;
        ssize_t n;

        /* O_NONBLOCK: a FIFO in its place would be waited for */
        fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size < 0 || (uint64_t) st.st_size > max)
                return -EFBIG;

        data = malloc((size_t) st.st_size + 1);
        if (!data)
                return -ENOMEM;
        n = file_read_all(fd, data, (size_t) st.st_size);
        if (n < 0)
                return (int) n;

        data[n] = '\0';
        *ret = TAKE_PTR(data);
        *ret_size = (size_t) n;
        return 0;
}

int durable_write(int directory, const char *name, const void *data, size_t size) {
        _cleanup_free_ char *beside = NULL;
        _cleanup_close_ int fd = -1;
        int r;

        if (asprintf(&beside, "%s.new", name) < 0) {
                beside = NULL;
                return -ENOMEM;
        }

        if (unlinkat(directory, beside, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = file_write_all(fd, data, size);
        if (r >= 0 && (fsync(fd) < 0 || renameat(directory, beside, directory, name) < 0))
                r = -errno;
        if (r < 0) {
                (void) unlinkat(directory, beside, 0);
                return r;
        }

        return fsync(directory) < 0 ? -errno : 0;
}

int durable_directory(int directory, const char *name) {
        int fd;

        if (mkdirat(directory, name, 0700) >= 0) {
                if (fsync(directory) < 0)
                        return -errno;
        } else if (errno != EEXIST)
                return -errno;

        fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

int wipe_descriptor(int fd) {
        static const uint8_t zeros[4096];
        struct stat st;
        off_t end;

        if (fstat(fd, &st) < 0)
                return -errno;
        end = st.st_size < WIPE_MAX ? st.st_size : WIPE_MAX;
        for (off_t at = 0; at < end;) {
                size_t size = end - at < (off_t) sizeof(zeros) ? (size_t) (end - at) : sizeof(zeros);
                ssize_t n = pwrite(fd, zeros, size, at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                at += n;
        }

        return fsync(fd) < 0 ? -errno : 0;
}

int wipe_file(int directory, const char *name) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return unlinkat(directory, name, AT_REMOVEDIR) < 0 ? -errno : 0;
        if (S_ISREG(st.st_mode) && st.st_nlink == 1) {
                fd = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
                if (fd >= 0)
                        (void) wipe_descriptor(fd);
        }

        return unlinkat(directory, name, 0) < 0 ? -errno : 0;
}

static DIR *dir_free(DIR *d) {
        (void) closedir(d);
        return NULL;
}
DEFINE_CLEANUP(DIR *, dir_free);

int wipe_others(int directory, const char *keep) {
        _cleanup_(dir_freep) DIR *d = NULL;
        _cleanup_close_ int fd = -1;
        int r = 0;

        fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d)
                return -errno;
        (void) take_fd(&fd);

        for (struct dirent *entry; errno = 0, (entry = readdir(d));) {
                int q;

                if (streq(entry->d_name, ".") || streq(entry->d_name, "..") || (keep && streq(entry->d_name, keep)))
                        continue;
                q = wipe_file(directory, entry->d_name);
                if (q < 0)
                        r = q;
        }

        return r < 0 ? r : -errno;
}
