/* SPDX-License-Identifier: Apache-2.0 */

#include "control-group.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

/* An instance is a unit directly in the slice; systemd adds a level where a unit has groups of its own. */
#define LEVELS_MAX 3U
#define LOOK_FIRST_USEC (UINT64_C(10) * USEC_PER_MSEC)
#define LOOK_LAST_USEC (UINT64_C(500) * USEC_PER_MSEC)

struct ControlGroup {
        int directory, events;
        sd_event *event;
        sd_event_source *changed, *look;
        uint64_t interval_usec;
        ControlGroupHandler handler;
        void *userdata;
};

/* cgroup.events has a line for each key: "populated 0". */
static int read_populated(int events) {
        static const char key[] = "populated ";
        char text[256];
        ssize_t n;

        n = file_read_all_at(events, text, sizeof(text) - 1, 0);
        if (n == -ENODEV)              /* removed, which the kernel does for groups without processes only */
                return 0;
        if (n < 0)
                return (int) n;
        text[n] = '\0';

        for (const char *line = text; *line != '\0';) {
                size_t length = strcspn(line, "\n");

                if (length == strlen(key) + 1 && strncmp(line, key, strlen(key)) == 0) {
                        if (line[length - 1] == '0' || line[length - 1] == '1')
                                return line[length - 1] == '1';
                        break;
                }
                line += length + (line[length] == '\n');
        }
        return -EBADMSG;
}

static int on_changed(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        ControlGroup *g = userdata;
        char byte;

        /* reading takes the kernel's word; of a group that was removed it would never be taken */
        if (pread(g->events, &byte, 1, 0) < 0)
                g->changed = sd_event_source_disable_unref(g->changed);
        g->handler(g, g->userdata);
        return 0;
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        ControlGroup *g = userdata;
        int r;

        if (g->interval_usec < LOOK_LAST_USEC)
                g->interval_usec *= 2;
        r = sd_event_source_set_time_relative(s, g->interval_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        if (r < 0)
                return r;

        g->handler(g, g->userdata);
        return 0;
}

int control_group_new(
                ControlGroup **ret,
                sd_event *event,
                const char *directory,
                ControlGroupHandler changed,
                void *userdata) {

        _cleanup_(control_group_freep) ControlGroup *g = NULL;
        int r;

        g = malloc(sizeof(*g));
        if (!g)
                return -ENOMEM;
        *g = (ControlGroup) {
                .directory = -1,
                .events = -1,
                .event = sd_event_ref(event),
                .interval_usec = LOOK_FIRST_USEC,
                .handler = changed,
                .userdata = userdata,
        };

        g->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (g->directory < 0)
                return -errno;
        g->events = openat(g->directory, "cgroup.events", O_RDONLY | O_CLOEXEC);
        if (g->events < 0)
                return -errno;
        /* -EPERM for a file that is not the kernel's own */
        r = sd_event_add_io(event, &g->changed, g->events, EPOLLPRI, on_changed, g);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(g);
        return 0;
}

ControlGroup *control_group_free(ControlGroup *g) {
        if (!g)
                return NULL;

        sd_event_source_disable_unref(g->changed);
        sd_event_source_disable_unref(g->look);
        sd_event_unref(g->event);
        safe_close(g->events);
        safe_close(g->directory);
        free(g);
        return NULL;
}

int control_group_is_populated(const ControlGroup *g) {
        return read_populated(g->events);
}

int control_group_populated(const char *directory) {
        _cleanup_close_ int d = -1, events = -1;

        d = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (d < 0)
                return errno == ENOENT ? 0 : -errno;
        events = openat(d, "cgroup.events", O_RDONLY | O_CLOEXEC);
        if (events < 0)
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        return read_populated(events);
}

/* Takes the descriptor of a group's cgroup.procs: a process id a line, 0 for those of another process namespace. */
static int lists(int procs, pid_t pid) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        FILE *file;
        int r = 0;

        file = fdopen(procs, "re");
        if (!file) {
                r = -errno;
                safe_close(procs);
                return r;
        }
        errno = 0;
        while (r == 0 && getline(&line, &size, file) >= 0)
                r = strtol(line, NULL, 10) == pid;
        if (r == 0 && ferror(file))
                r = errno != 0 ? -errno : -EIO;
        (void) fclose(file);
        return r;
}

/* Takes the descriptor of the group's directory. A group that is removed meanwhile has no process. */
static int contains(int directory, pid_t pid, unsigned levels) {
        struct dirent *entry;
        DIR *entries;
        int r, procs;

        entries = fdopendir(directory);
        if (!entries) {
                r = -errno;
                safe_close(directory);
                return r;
        }

        procs = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
        r = procs < 0 ? -errno : lists(procs, pid);
        while (r == 0 && levels > 1 && (entry = readdir(entries))) {
                int below;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                below = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (below >= 0)
                        r = contains(below, pid, levels - 1);
                else if (errno != ENOENT)
                        r = -errno;
        }

        (void) closedir(entries);
        return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int control_group_contains(const ControlGroup *g, pid_t pid) {
        int directory;

        /* a description of its own: where the reading stands belongs to it */
        directory = openat(g->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (directory < 0)
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        return contains(directory, pid, LEVELS_MAX);
}

int control_group_await(ControlGroup *g) {
        if (g->look)
                return 0;
        return sd_event_add_time_relative(g->event, &g->look, CLOCK_MONOTONIC, g->interval_usec, USEC_PER_MSEC, on_look,
                        g);
}

int control_group_kill(const char *directory) {
        _cleanup_close_ int fd = -1, kill = -1;

        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        kill = openat(fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
        if (kill < 0)
                return -errno;
        return write(kill, "1", 1) == 1 ? 0 : -errno;
}
