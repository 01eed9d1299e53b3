/* SPDX-License-Identifier: Apache-2.0 */

/* Which of the system's files are read, and in which order: below temporary roots. */

#include "configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct Root {
        char path[64];
} Root;

static int root_make(void **state) {
        Root *root = calloc(1, sizeof(*root));

        assert_non_null(root);
        (void) strcpy(root->path, "/tmp/test-configuration-files.XXXXXX");
        assert_non_null(mkdtemp(root->path));
        *state = root;
        return 0;
}

static int root_remove(void **state) {
        _cleanup_free_ Root *root = *state;
        char command[128];

        (void) snprintf(command, sizeof(command), "rm -r '%s'", root->path);
        return system(command);
}

/* The path below the root, whose directories are made. */
static void prepare(const Root *root, const char *path, char ret[static 256]) {
        assert_in_range(snprintf(ret, 256, "%s%s", root->path, path), 1, 255);
        for (char *p = ret + strlen(root->path) + 1; (p = strchr(p, '/')); p++) {
                *p = '\0';
                assert_true(mkdir(ret, 0755) >= 0 || errno == EEXIST);
                *p = '/';
        }
}

static void put(const Root *root, const char *path, const char *text) {
        char full[256];
        FILE *f;

        prepare(root, path, full);
        f = fopen(full, "we");
        assert_non_null(f);
        assert_true(fprintf(f, "%s", text) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void put_link(const Root *root, const char *path, const char *to) {
        char full[256];

        prepare(root, path, full);
        assert_int_equal(symlink(to, full), 0);
}

static Configuration *load(const Root *root) {
        Configuration *c = NULL;

        assert_int_equal(configuration_load(NULL, root->path, &c, NULL), 0);
        return c;
}

#define MAIN "/likeness/likeness.conf"
#define DROP "/likeness/likeness.conf.d/"
#define TIME(seconds) "[Verification]\nTimeLimitSec=" seconds "\n"

static void assert_time(const Root *root, unsigned seconds) {
        _cleanup_(configuration_freep) Configuration *c = load(root);

        assert_int_equal(c->time_limit_sec, seconds);
}

static void test_nothing_there(void **state) {
        assert_time(*state, 15);
}

static void test_the_first_main_file_alone(void **state) {
        put(*state, "/usr/lib" MAIN, TIME("20") "Mode=pilot\n");
        assert_time(*state, 20);
        put(*state, "/run" MAIN, TIME("21"));
        assert_time(*state, 21);
        put(*state, "/etc" MAIN, TIME("22"));
        assert_time(*state, 22);

        _cleanup_(configuration_freep) Configuration *c = load(*state);
        assert_int_equal(c->mode, MODE_ENFORCE);
}

static void test_a_masked_main_file(void **state) {
        put(*state, "/usr/lib" MAIN, TIME("20"));
        put_link(*state, "/etc" MAIN, "/dev/null");
        assert_time(*state, 15);
}

static void test_drop_ins_go_by_name(void **state) {
        put(*state, "/etc" MAIN, TIME("20"));
        put(*state, "/usr/lib" DROP "20-b.conf", TIME("32"));
        assert_time(*state, 32);
        put(*state, "/etc" DROP "10-a.conf", TIME("31"));       /* earlier by name, whatever the directory */
        assert_time(*state, 32);
        put(*state, "/run" DROP "30-c.conf", TIME("33"));
        assert_time(*state, 33);
}

static void test_the_same_name(void **state) {
        put(*state, "/usr/lib" DROP "10-a.conf", TIME("31"));
        assert_time(*state, 31);
        put(*state, "/run" DROP "10-a.conf", TIME("32"));
        assert_time(*state, 32);
        put(*state, "/etc" DROP "10-a.conf", "");
        assert_time(*state, 15);
}

static void test_a_masked_drop_in(void **state) {
        put(*state, "/usr/lib" DROP "10-a.conf", TIME("31"));
        put(*state, "/run" DROP "10-a.conf", TIME("32"));
        put_link(*state, "/etc" DROP "10-a.conf", "/dev/null");
        put(*state, "/usr/lib" DROP "05-other.conf", TIME("40"));
        assert_time(*state, 40);
}

static void test_a_linked_drop_in(void **state) {
        put(*state, "/opt/shop.conf", TIME("50"));
        put_link(*state, "/etc" DROP "10-a.conf", "../../../opt/shop.conf");
        assert_time(*state, 50);
}

static void test_what_is_no_drop_in(void **state) {
        put(*state, "/etc" DROP "10-a.conf~", TIME("31"));
        put(*state, "/etc" DROP ".10-a.conf", TIME("32"));
        put(*state, "/etc" DROP "10-a.conf.dpkg-old", TIME("33"));
        put(*state, "/etc" DROP ".conf", TIME("34"));
        put(*state, "/etc" DROP "directory.conf/10-a.conf", TIME("35"));
        assert_time(*state, 15);
}

static void test_lists_add_up_over_files(void **state) {
        put(*state, "/etc" MAIN, "[Verification]\nDocuments=passport\n");
        put(*state, "/run" DROP "10-a.conf", "[Verification]\nDocuments=id-card\n");

        _cleanup_(configuration_freep) Configuration *c = load(*state);
        assert_int_equal(c->n_documents, 2);
        c = configuration_free(c);

        put(*state, "/usr/lib" DROP "05-a.conf", "[Verification]\nDocuments=\n");
        c = load(*state);
        assert_int_equal(c->n_documents, 1);
        assert_string_equal(c->documents[0], "id-card");
}

static void refuse(const Root *root, int error, const char *words) {
        _cleanup_free_ char *problem = NULL;
        Configuration *c = NULL;

        assert_int_equal(configuration_load(NULL, root->path, &c, &problem), error);
        assert_null(c);
        assert_non_null(problem);
        if (!strstr(problem, words))
                fail_msg("\"%s\" lacks \"%s\"", problem, words);
}

static void test_a_mistake_is_named(void **state) {
        put(*state, "/etc" MAIN, TIME("20"));
        put(*state, "/run" DROP "10-a.conf", "[Verification]\n\nTimeLimitSec=500\n");
        refuse(*state, -EBADMSG, "/run" DROP "10-a.conf:3: TimeLimitSec=500 is not possible; allowed: 5 to 120");
}

/* Not as if it were not there: it may be the one that makes the terminal strict. */
static void test_what_cannot_be_read_is_a_mistake(void **state) {
        put_link(*state, "/etc" DROP "10-a.conf", "/nowhere/at-all.conf");
        refuse(*state, -ENOENT, "10-a.conf: the configuration cannot be read");
}

static void test_a_main_file_that_leads_nowhere(void **state) {
        put(*state, "/usr/lib" MAIN, TIME("20"));
        put_link(*state, "/etc" MAIN, "/nowhere/at-all.conf");
        refuse(*state, -ENOENT, "/etc" MAIN);
}

/* Opening a pipe must not wait for its writer. */
static void test_a_pipe(void **state) {
        char full[256];

        prepare(*state, "/etc" DROP "10-a.conf", full);
        assert_int_equal(mkfifo(full, 0600), 0);
        refuse(*state, -EBADMSG, "is not a file");
}

/* --config= means that file alone. */
static void test_one_file_alone(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        const Root *root = *state;
        char full[256];

        put(root, "/etc" MAIN, TIME("20"));
        put(root, "/etc" DROP "10-a.conf", TIME("21"));
        put(root, "/one.conf", "[Verification]\nMode=pilot\n");
        prepare(root, "/one.conf", full);
        assert_int_equal(configuration_load(full, root->path, &c, NULL), 0);
        assert_int_equal(c->time_limit_sec, 15);
        assert_int_equal(c->mode, MODE_PILOT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, root_make, root_remove)

int main(void) {
        static const struct CMUnitTest tests[] = {
                T(test_nothing_there),
                T(test_the_first_main_file_alone),
                T(test_a_masked_main_file),
                T(test_drop_ins_go_by_name),
                T(test_the_same_name),
                T(test_a_masked_drop_in),
                T(test_a_linked_drop_in),
                T(test_what_is_no_drop_in),
                T(test_lists_add_up_over_files),
                T(test_a_mistake_is_named),
                T(test_what_cannot_be_read_is_a_mistake),
                T(test_a_main_file_that_leads_nowhere),
                T(test_a_pipe),
                T(test_one_file_alone),
        };

        return cmocka_run_group_tests_name("configuration-files", tests, NULL, NULL);
}
