/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "control-group.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATIENCE_USEC (UINT64_C(10) * USEC_PER_SEC)

typedef struct Fixture {
        sd_event *event;
        char group[256];               /* "" where none can be made */
        unsigned changes;
} Fixture;

static void on_changed(ControlGroup *g, void *userdata) {
        Fixture *f = userdata;

        f->changes++;
}

static void write_file(const char *directory, const char *name, const char *text) {
        char path[512];
        FILE *file;

        assert_true(snprintf(path, sizeof(path), "%s/%s", directory, name) < (int) sizeof(path));
        file = fopen(path, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

/* A group below the one hierarchy of version 2, if we may. */
static void make_group(char *ret, size_t size) {
        struct mntent *m;
        FILE *mounts;

        ret[0] = '\0';
        mounts = setmntent("/proc/self/mounts", "re");
        assert_non_null(mounts);
        while (ret[0] == '\0' && (m = getmntent(mounts)))
                if (streq(m->mnt_type, "cgroup2"))
                        (void) snprintf(ret, size, "%s/likeness-test-%d", m->mnt_dir, getpid());
        (void) endmntent(mounts);
        if (ret[0] != '\0' && mkdir(ret, 0755) < 0)
                ret[0] = '\0';
}

static int setup(void **state) {
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        assert_true(sd_event_new(&f->event) >= 0);
        make_group(f->group, sizeof(f->group));
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        if (f->group[0] != '\0')
                (void) rmdir(f->group);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static void need_group(const Fixture *f) {
        if (f->group[0] == '\0') {
                print_message("skipped: no control group can be made here\n");
                skip();
        }
}

static pid_t child_in(const char *directory) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                for (;;)
                        (void) pause();

        char text[32];
        (void) snprintf(text, sizeof(text), "%d", pid);
        write_file(directory, "cgroup.procs", text);
        return pid;
}

static void end_child(pid_t pid) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void await_changes(Fixture *f, unsigned changes) {
        uint64_t deadline = now_monotonic_usec() + PATIENCE_USEC;

        while (f->changes < changes && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
        assert_true(f->changes >= changes);
}

static void run_for(Fixture *f, uint64_t usec) {
        uint64_t deadline = now_monotonic_usec() + usec;

        while (now_monotonic_usec() < deadline)
                assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
}

static void test_words(void **state) {
        static const struct {
                const char *text;
                int expected;
        } cases[] = {
                { "populated 0\nfrozen 0\n", 0 },
                { "populated 1\nfrozen 0\n", 1 },
                { "frozen 0\npopulated 1\n", 1 },
                { "frozen 0\npopulated 0", 0 },
                { "populated 2\n", -EBADMSG },
                { "populated 10\n", -EBADMSG },
                { "populated \n", -EBADMSG },
                { "populated\n", -EBADMSG },
                { "unpopulated 0\n", -EBADMSG },
                { "frozen 0\n", -EBADMSG },
                { "", -EBADMSG },
        };
        char directory[] = "/tmp/test-control-group-XXXXXX", path[64];

        assert_non_null(mkdtemp(directory));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                write_file(directory, "cgroup.events", cases[i].text);
                assert_int_equal(control_group_populated(directory), cases[i].expected);
        }

        (void) snprintf(path, sizeof(path), "%s/cgroup.events", directory);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(directory), 0);
        assert_int_equal(control_group_populated(directory), 0);
}

static void test_no_group(void **state) {
        char directory[] = "/tmp/test-control-group-XXXXXX", path[64];
        ControlGroup *g = NULL;
        Fixture *f = *state;

        assert_int_equal(control_group_new(&g, f->event, "/nowhere", on_changed, f), -ENOENT);
        assert_int_equal(control_group_new(&g, f->event, "/dev/null", on_changed, f), -ENOTDIR);
        assert_int_equal(control_group_populated("/dev/null"), -ENOTDIR);

        assert_non_null(mkdtemp(directory));
        assert_int_equal(control_group_new(&g, f->event, directory, on_changed, f), -ENOENT);
        write_file(directory, "cgroup.events", "populated 0\n");
        assert_int_equal(control_group_new(&g, f->event, directory, on_changed, f), -EPERM);
        assert_null(g);
        (void) snprintf(path, sizeof(path), "%s/cgroup.events", directory);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(directory), 0);
}

static void test_comes_and_goes(void **state) {
        _cleanup_(control_group_freep) ControlGroup *g = NULL;
        char instance[512], deep[1024];
        Fixture *f = *state;
        pid_t pid;

        need_group(f);
        assert_int_equal(control_group_new(&g, f->event, f->group, on_changed, f), 0);
        assert_int_equal(control_group_is_populated(g), 0);
        assert_int_equal(control_group_contains(g, getpid()), 0);

        /* as a unit is in its slice, and as a unit's own groups are in it */
        (void) snprintf(instance, sizeof(instance), "%s/instance", f->group);
        (void) snprintf(deep, sizeof(deep), "%s/own", instance);
        assert_int_equal(mkdir(instance, 0755), 0);
        assert_int_equal(mkdir(deep, 0755), 0);
        const char *const places[] = { f->group, instance, deep };

        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                run_for(f, 30 * USEC_PER_MSEC);
                f->changes = 0;
                pid = child_in(places[i]);
                await_changes(f, 1);
                assert_int_equal(control_group_is_populated(g), 1);
                assert_int_equal(control_group_populated(f->group), 1);
                assert_int_equal(control_group_contains(g, pid), 1);
                assert_int_equal(control_group_contains(g, getpid()), 0);

                run_for(f, 30 * USEC_PER_MSEC);
                f->changes = 0;
                end_child(pid);
                await_changes(f, 1);
                assert_int_equal(control_group_is_populated(g), 0);
                assert_int_equal(control_group_contains(g, pid), 0);
        }

        assert_int_equal(rmdir(deep), 0);
        assert_int_equal(rmdir(instance), 0);
}

static void test_removed(void **state) {
        _cleanup_(control_group_freep) ControlGroup *g = NULL;
        Fixture *f = *state;
        pid_t pid;

        need_group(f);
        assert_int_equal(control_group_new(&g, f->event, f->group, on_changed, f), 0);
        pid = child_in(f->group);
        await_changes(f, 1);
        assert_int_equal(control_group_await(g), 0);
        assert_int_equal(control_group_await(g), 0);

        /* the kernel's word may come before it is removed, after it, or never: that it is empty is seen anyway */
        end_child(pid);
        assert_int_equal(rmdir(f->group), 0);
        f->changes = 0;
        await_changes(f, 1);
        assert_int_equal(control_group_is_populated(g), 0);
        assert_int_equal(control_group_contains(g, pid), 0);
        assert_int_equal(control_group_populated(f->group), 0);

        /* ever less often, and not without a pause */
        f->changes = 0;
        run_for(f, 300 * USEC_PER_MSEC);
        assert_in_range(f->changes, 0, 8);
        f->group[0] = '\0';
}

static void test_without_a_word(void **state) {
        _cleanup_(control_group_freep) ControlGroup *g = NULL;
        Fixture *f = *state;

        need_group(f);
        assert_int_equal(control_group_new(&g, f->event, f->group, on_changed, f), 0);
        await_changes(f, 1);           /* the kernel's word for the first reading */
        f->changes = 0;
        run_for(f, 30 * USEC_PER_MSEC);
        assert_int_equal(f->changes, 0);

        assert_int_equal(control_group_await(g), 0);
        await_changes(f, 3);
}

/* Also one that heeds no signal that it could block. */
static void test_kill(void **state) {
        Fixture *f = *state;
        sigset_t all, before;
        pid_t pid;

        need_group(f);
        sigfillset(&all);
        assert_int_equal(sigprocmask(SIG_SETMASK, &all, &before), 0);
        pid = child_in(f->group);
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
        assert_int_equal(control_group_populated(f->group), 1);

        if (control_group_kill(f->group) == -ENOENT) {
                end_child(pid);
                print_message("skipped: this kernel has no cgroup.kill\n");
                skip();
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(control_group_populated(f->group), 0);

        assert_int_equal(control_group_kill("/nowhere"), -ENOENT);
        assert_int_equal(control_group_kill("/tmp"), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_words, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_group, setup, teardown),
                cmocka_unit_test_setup_teardown(test_comes_and_goes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_without_a_word, setup, teardown),
                cmocka_unit_test_setup_teardown(test_kill, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
