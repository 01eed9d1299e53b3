/* SPDX-License-Identifier: Apache-2.0 */

/* likeness.conf and the model manifest: what is read, what is refused, and what the thresholds become. */

#include "build-config.h"
#include "configuration.h"
#include "file.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* A file with this text, reachable by a path for as long as the descriptor is open. */
static int text_file(const char *text, char ret_path[static 64]) {
        int fd = memfd_create("test", MFD_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void) snprintf(ret_path, 64, "/proc/self/fd/%d", fd);
        return fd;
}

static int load(const char *text, Configuration **ret) {
        _cleanup_close_ int fd = -1;
        char path[64];

        fd = text_file(text, path);
        return configuration_load(path, "", ret, NULL);
}

static void test_defaults_are_strict(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;

        assert_int_equal(configuration_load("/dev/null", "", &c, NULL), 0);
        assert_int_equal(c->mode, MODE_ENFORCE);
        assert_false(configuration_allows_reference(c, REFERENCE_SUPPLIED));
        assert_int_equal(c->minimum_challenge, CHALLENGE_AUTO);
        assert_true(c->false_match_rate <= 1e-3);
        assert_true(configuration_allows_document(c, "passport"));
        assert_true(configuration_allows_document(c, "auto"));
        assert_false(configuration_allows_document(c, "library-card"));
        assert_false(c->software_cameras);
}

static void test_every_key(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;

        assert_int_equal(load("# a comment\n[Verification]\nMode=pilot\nFalseMatchRate=0.0005\n"
                              "ReferenceSources=supplied\nMinimumChallenge=none\nTimeLimitSec=30\n"
                              "Documents=library-card staff-2\n[Limits]\nAttemptWindowSec=7200\n"
                              "TerminalAttemptsPerHour=5\nOperatorAttemptsPerHour=4\n[Cameras]\nFace=usb-046d:*\n"
                              "Document=*#1\nDocument=auto\nFaceRotation=270\nFaceMirrored=yes\nDocumentRotation=180\n"
                              "AllowSoftwareCameras=yes\n",
                                         &c),
                        0);
        assert_int_equal(c->mode, MODE_PILOT);
        assert_true(c->false_match_rate > 0.00049 && c->false_match_rate < 0.00051);
        assert_true(configuration_allows_reference(c, REFERENCE_SUPPLIED));
        assert_int_equal(c->minimum_challenge, CHALLENGE_NONE);
        assert_int_equal(c->time_limit_sec, 30);
        assert_int_equal(c->attempt_window_sec, 7200);
        assert_int_equal(c->terminal_attempts_per_hour, 5);
        assert_int_equal(c->operator_attempts_per_hour, 4);
        assert_int_equal(c->n_documents, 2);
        assert_true(configuration_allows_document(c, "staff-2"));
        assert_false(configuration_allows_document(c, "passport"));
        assert_string_equal(c->cameras[CAMERA_ROLE_FACE].pattern, "usb-046d:*");
        assert_null(c->cameras[CAMERA_ROLE_DOCUMENT].pattern);
        assert_int_equal(c->cameras[CAMERA_ROLE_FACE].view, 3 | CAMERA_VIEW_MIRRORED);
        assert_int_equal(c->cameras[CAMERA_ROLE_DOCUMENT].view, 2);
        assert_true(c->software_cameras);
}

/* A camera that no hardware is behind is for demonstrations, and nothing else. */
static void test_software_cameras(void **state) {
        _cleanup_(configuration_freep) Configuration *yes = NULL, *no = NULL;
        _cleanup_free_ char *problem = NULL;

        assert_int_equal(load("[Cameras]\nAllowSoftwareCameras=yes\n", &yes), 0);
        assert_int_equal(configuration_check_demo(yes, true, &problem), 0);
        assert_null(problem);
        assert_int_equal(configuration_check_demo(yes, false, &problem), -EBADMSG);
        assert_non_null(strstr(problem, "--demo"));

        assert_int_equal(load("", &no), 0);
        assert_int_equal(configuration_check_demo(no, true, NULL), 0);
        assert_int_equal(configuration_check_demo(no, false, NULL), 0);
}

static void test_unknown_keys_only_warn(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;

        assert_int_equal(load("[Verification]\nColour=blue\n[Elsewhere]\nMode=pilot\n", &c), 0);
        assert_int_equal(c->mode, MODE_ENFORCE);
}

static void test_bad_values_are_refused(void **state) {
        static const char *const bad[] = {
                "Mode=production", "Mode=", "FalseMatchRate=0", "FalseMatchRate=0.5", "FalseMatchRate=1e-9",
                "FalseMatchRate=nan", "FalseMatchRate=-0.001", "FalseMatchRate=0.001x", "ReferenceSources=maybe",
                "MinimumChallenge=wink", "TimeLimitSec=4", "TimeLimitSec=121", "TimeLimitSec=-5",
                "TimeLimitSec=99999999999999999999", "ReferenceSources=chip wallet",
                "Documents=../../etc/passwd", "Documents=UPPER",
                "no assignment at all",
        };
        static const char *const bad_limits[] = {
                "AttemptWindowSec=3599", "AttemptWindowSec=604801", "AttemptWindowSec=1d", "AttemptWindowSec=",
                "TerminalAttemptsPerHour=0", "TerminalAttemptsPerHour=1001", "OperatorAttemptsPerHour=0",
                "OperatorAttemptsPerHour=1001", "OperatorAttemptsPerHour=-1",
        };

        static const char *const bad_cameras[] = {
                "Face=", "Face=/dev/video0", "Face=a camera", "Document=usb-\xc3\xa4", "FaceRotation=45",
                "FaceRotation=-90",
                "DocumentRotation=360", "FaceMirrored=left", "DocumentMirrored=", "AllowSoftwareCameras=sometimes",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad_cameras); i++) {
                Configuration *c = NULL;
                char text[256];

                (void) snprintf(text, sizeof(text), "[Cameras]\n%s\n", bad_cameras[i]);
                assert_int_equal(load(text, &c), -EBADMSG);
                assert_null(c);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Configuration *c = NULL;
                char text[256];

                (void) snprintf(text, sizeof(text), "[Verification]\n%s\n", bad[i]);
                assert_int_equal(load(text, &c), -EBADMSG);
                assert_null(c);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad_limits); i++) {
                Configuration *c = NULL;
                char text[256];

                (void) snprintf(text, sizeof(text), "[Limits]\n%s\n", bad_limits[i]);
                assert_int_equal(load(text, &c), -EBADMSG);
                assert_null(c);
        }
}

static void test_a_missing_file(void **state) {
        Configuration *c = NULL;

        assert_int_equal(configuration_load("/nonexistent/likeness.conf", "", &c, NULL), -ENOENT);
        assert_int_equal(configuration_load("/", "", &c, NULL), -EBADMSG);
        assert_null(c);
}

/* The words that a caller of ReloadConfiguration() gets are those of the first mistake. */
static void assert_problem(const char *text, const char *words) {
        _cleanup_free_ char *problem = NULL;
        _cleanup_close_ int fd = -1;
        Configuration *c = NULL;
        char path[64];

        fd = text_file(text, path);
        assert_int_equal(configuration_load(path, "", &c, &problem), -EBADMSG);
        assert_non_null(problem);
        assert_memory_equal(problem, path, strlen(path));
        assert_string_equal(problem + strlen(path), words);
}

static void test_words_name_line_key_and_range(void **state) {
        assert_problem("\n[Verification]\nTimeLimitSec=4\nMode=neither\n",
                       ":3: TimeLimitSec=4 is not possible; allowed: 5 to 120 (seconds)");
        assert_problem("[Verification]\n\n# comment\nMode=\xff\x1b[31m\n",
                       ":4: Mode=??[31m is not possible; allowed: pilot or enforce");
        assert_problem("[Verification]\nMode=pilot\nneither\n", ":3: neither a [Section] nor a Key=Value line");
}

/* libinih would take the rest of a long line for a line of its own. */
static void test_a_long_line_is_no_two_lines(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        char text[512] = "[Verification]\n# ";

        (void) memset(text + strlen(text), 'x', 195);
        (void) strcat(text, "\nMode=pilot\n");
        assert_problem(text, ":2: is too long a line; at most 196 characters");

        (void) strcpy(text, "[Verification]\n# ");
        (void) memset(text + strlen(text), 0, sizeof(text) - strlen(text));
        (void) memset(text + strlen(text), 'x', 194);
        (void) strcat(text, "\nMode=pilot\n");
        assert_int_equal(load(text, &c), 0);
        assert_int_equal(c->mode, MODE_PILOT);
}

static void test_indentation_means_nothing(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;

        assert_int_equal(load("[Verification]\nDocuments=passport\n  Mode=pilot\n", &c), 0);
        assert_int_equal(c->mode, MODE_PILOT);
        assert_int_equal(c->n_documents, 1);
}

/* Lists: the first assignment replaces the built-in one, later ones add to it, an empty one takes all back. */
static void test_lists(void **state) {
        static const struct {
                const char *text, *documents, *sources;
        } cases[] = {
                { "Documents=passport\nDocuments=id-card passport\n", "passport id-card", "card-camera chip" },
                { "Documents=passport\nDocuments=\nDocuments=id-card\n", "id-card", "card-camera chip" },
                { "Documents=library-card\nDocuments=\n",
                  "resident-card driving-licence residence-card permanent-residence-card overseas-korean-card passport "
                  "id-card", "card-camera chip" },
                { "Documents=id-card\nReferenceSources=supplied\nReferenceSources=chip\n", "id-card", "supplied chip" },
                { "Documents=id-card\nReferenceSources=supplied\nReferenceSources=\n", "id-card", "card-camera chip" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(configuration_freep) Configuration *c = NULL;
                _cleanup_free_ char *documents = NULL, *sources = NULL;
                char text[256];

                (void) snprintf(text, sizeof(text), "[Verification]\n%s", cases[i].text);
                assert_int_equal(load(text, &c), 0);
                for (size_t k = 0; configuration_key(k); k++) {
                        if (streq(configuration_key(k)->name, "Documents"))
                                documents = configuration_value(c, k);
                        if (streq(configuration_key(k)->name, "ReferenceSources"))
                                sources = configuration_value(c, k);
                }
                assert_string_equal(documents, cases[i].documents);
                assert_string_equal(sources, cases[i].sources);
        }
}

/* What is said about a configuration, read again, is the same configuration. */
static void test_values_read_back(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL, *d = NULL;
        char text[4096] = "";

        assert_int_equal(load("[Terminal]\nName=shop-1\n[Verification]\nMode=pilot\nFalseMatchRate=0.00025\n"
                              "ReferenceSources=chip supplied\nMinimumChallenge=turn\nTimeLimitSec=6\n"
                              "Documents=a b\n[Limits]\nAttemptWindowSec=4000\nTerminalAttemptsPerHour=3\n"
                              "OperatorAttemptsPerHour=2\n[Cameras]\nFace=*:1.0\nDocument=pci-*\n"
                              "FaceRotation=90\nDocumentMirrored=yes\nAllowSoftwareCameras=yes\n", &c), 0);
        for (size_t i = 0; configuration_key(i); i++) {
                _cleanup_free_ char *value = configuration_value(c, i);

                (void) sprintf(text + strlen(text), "[%s]\n%s=%s\n", configuration_key(i)->section,
                               configuration_key(i)->name, value);
        }
        assert_int_equal(load(text, &d), 0);
        for (size_t i = 0; configuration_key(i); i++) {
                _cleanup_free_ char *a = configuration_value(c, i), *b = configuration_value(d, i);

                assert_string_equal(a, b);
        }
        assert_string_equal(d->terminal, "shop-1");
        assert_int_equal(d->minimum_challenge, CHALLENGE_TURN);
}

/* Nothing that a file can hold makes the reader do anything but take it or refuse it. */
static void test_random_bytes(void **state) {
        static const char *const pieces[] = {
                "[Verification]\n", "[Limits]\n", "[", "]", "=", "\n", "Mode=pilot", "Documents=", "passport", " ", ";",
                "#", "\t", "\r\n", "FalseMatchRate=", "0.001", "TimeLimitSec=", "99", "\xef\xbb\xbf", "%s%n", "Name=",
        };
        unsigned seed = 4, taken = 0;

        log_set_max_level(LOG_EMERG);
        for (unsigned round = 0; round < 3000; round++) {
                _cleanup_(configuration_freep) Configuration *c = NULL;
                _cleanup_free_ char *problem = NULL;
                _cleanup_close_ int fd = memfd_create("test", MFD_CLOEXEC);
                char bytes[1024], path[64];
                size_t n = 0, size = (size_t) rand_r(&seed) % 600;
                int r;

                while (n < size) {
                        const char *piece = pieces[(size_t) rand_r(&seed) % ELEMENTSOF(pieces)];

                        if (rand_r(&seed) % (round % 3 == 0 ? 2 : 40) == 0)
                                bytes[n++] = (char) rand_r(&seed);
                        else if (n + strlen(piece) < sizeof(bytes)) {
                                memcpy(bytes + n, piece, strlen(piece));
                                n += strlen(piece);
                        }
                }
                assert_true(fd >= 0);
                assert_int_equal(write(fd, bytes, n), n);
                (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                r = configuration_load(path, "", &c, &problem);
                assert_true(r == 0 || r == -EBADMSG);
                assert_true((r == 0) == (c != NULL) && (r == 0) == (problem == NULL));
                taken += r == 0;
        }
        log_set_max_level(LOG_INFO);
        assert_in_range(taken, 10, 2990);
}

/* The manual says of every setting what the table says, and describes none that is not there. */
static void test_manual(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        _cleanup_free_ char *page = calloc(1, 65536);
        FILE *f = fopen(MANUAL, "re");
        unsigned described = 0, settings = 0;

        assert_non_null(f);
        assert_in_range(fread(page, 1, 65535, f), 1, 65534);
        (void) fclose(f);

        assert_int_equal(configuration_load("/dev/null", "", &c, NULL), 0);
        for (const ConfigurationKey *key; (key = configuration_key(settings)); settings++) {
                _cleanup_free_ char *value = configuration_value(c, settings);
                char head[64], want[512];
                const char *section, *entry, *next;

                (void) snprintf(head, sizeof(head), ".Sh \\[lB]%s\\[rB]\n", key->section);
                section = strstr(page, head);
                if (!section)
                        fail_msg("the manual has no section %s", head);
                next = strstr(section + 1, ".Sh ");
                (void) snprintf(want, sizeof(want), ".It Ic %s=\nAllowed: %s\n.br\nDefault: %s\n.Pp\n", key->name,
                                key->allowed, streq(key->name, "Name") ? "derived from the machine id" : value);
                entry = strstr(section, want);
                if (!entry || (next && entry > next))
                        fail_msg("the manual lacks, in %s:\n%s", key->section, want);
        }
        for (const char *p = page; (p = strstr(p, ".It Ic ")); p++)
                described++;
        assert_int_equal(described, settings);
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DETECTOR "[finder]\nKind=detector\nFile=finder.onnx\nSHA256=" SHA "\nInput=320x320\n"
#define LIVENESS "[alive]\nKind=liveness\nFile=alive.onnx\nSHA256=" SHA "\nInput=80x80\nClasses=3\nLiveClass=1\n"
#define MATCHER                                                                                               \
        "[matcher]\nKind=matcher\nFile=m.onnx\nSHA256=" SHA "\nInput=128x128\nPoints=0.3 0.4 0.6 0.4 0.5 0.6 0.4 " \
        "0.8 0.6 0.8\nNoMatchBelow=0.3\n"
#define CALIBRATION "Calibration=here 100000 0.01:0.2 0.001:0.3 0.0001:0.42\nCalibration=there 5000 0.01:0.35 0.001:0.489\n"

static int load_manifest(const char *text, Manifest **ret) {
        _cleanup_close_ int fd = -1;
        char path[64];

        fd = text_file(text, path);
        return manifest_load(path, "/models", ret);
}

static void test_manifest(void **state) {
        _cleanup_(manifest_freep) Manifest *m = NULL;

        assert_int_equal(load_manifest(DETECTOR LIVENESS MATCHER CALIBRATION, &m), 0);
        assert_int_equal(m->n_models, 3);
        assert_string_equal(m->models[0].path, "/models/finder.onnx");
        assert_int_equal(m->models[0].sha256[1], 0x23);
        assert_int_equal(manifest_find(m, MODEL_LIVENESS)->live_class, 1);
        assert_int_equal(manifest_find(m, MODEL_MATCHER)->no_match_below, 300);
        assert_null(manifest_find(m, MODEL_LANDMARKS));
}

static void test_bad_manifests(void **state) {
        static const char *const bad[] = {
                "",
                DETECTOR LIVENESS,
                DETECTOR MATCHER CALIBRATION,
                LIVENESS MATCHER CALIBRATION,
                DETECTOR LIVENESS MATCHER,                                     /* not calibrated */
                DETECTOR DETECTOR LIVENESS MATCHER CALIBRATION "[second]\nKind=detector\nFile=x\nSHA256=" SHA "\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "File=../m.onnx\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "File=/etc/passwd\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "SHA256=abc\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Input=128\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Input=1x99999\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Points=1 2 3\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Calibration=x\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Calibration=x 100 0.1:7\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Calibration=x -1 0.1:0.2\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "Calibration=x 100 2:0.2\n",
                "Kind=matcher\n",
                DETECTOR LIVENESS MATCHER CALIBRATION "[no-kind]\nFile=x.onnx\nSHA256=" SHA "\nInput=80x80\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Manifest *m = NULL;

                assert_int_equal(load_manifest(bad[i], &m), -EBADMSG);
                assert_null(m);
        }
}

/* The threshold is the worst population's, and a rate that one of them cannot support is refused. */
static void test_threshold(void **state) {
        _cleanup_(manifest_freep) Manifest *m = NULL;
        const char *population = NULL, *unsupported = NULL;
        int threshold = 0;

        assert_int_equal(load_manifest(DETECTOR LIVENESS MATCHER CALIBRATION, &m), 0);

        assert_int_equal(manifest_threshold(m, 1e-3, &threshold, &population, &unsupported), 0);
        assert_int_equal(threshold, 489);
        assert_string_equal(population, "there");
        assert_int_equal(manifest_threshold(m, 0.005, &threshold, NULL, NULL), 0);
        assert_int_equal(threshold, 489);
        assert_int_equal(manifest_threshold(m, 1e-2, &threshold, NULL, NULL), 0);
        assert_int_equal(threshold, 350);

        threshold = 7;
        assert_int_equal(manifest_threshold(m, 1e-4, &threshold, &population, &unsupported), -ERANGE);
        assert_string_equal(unsupported, "there");
        assert_int_equal(threshold, 7);
}

/* A curve that claims more than its number of comparisons can show is not believed. */
static void test_threshold_needs_comparisons(void **state) {
        _cleanup_(manifest_freep) Manifest *m = NULL;
        int threshold;

        assert_int_equal(load_manifest(DETECTOR LIVENESS MATCHER "Calibration=few 500 0.01:0.2 0.001:0.3\n", &m), 0);
        assert_int_equal(manifest_threshold(m, 1e-2, &threshold, NULL, NULL), 0);
        assert_int_equal(manifest_threshold(m, 1e-3, &threshold, NULL, NULL), -ERANGE);
}

static void test_policy(void **state) {
        _cleanup_(configuration_freep) Configuration *c = NULL;
        _cleanup_(manifest_freep) Manifest *m = NULL;
        Policy p;

        assert_int_equal(configuration_load("/dev/null", "", &c, NULL), 0);
        assert_int_equal(load_manifest(DETECTOR LIVENESS MATCHER "Calibration=here 100000 0.001:0.3 0.0001:0.42\n"
                                       "Calibration=there 5000 0.001:0.489 0.0003:0.512\n", &m), 0);
        assert_int_equal(configuration_policy(c, m, &p, NULL), 0);
        assert_int_equal(p.match_from, 512);   /* a third of 0.001, for each of three tries */
        assert_true(p.false_match_rate > 0.00099 && p.false_match_rate < 0.00101);
        assert_int_equal(p.no_match_below, 300);
        assert_true(p.attack_below <= p.live_from);

        c->false_match_rate = 0.003;
        assert_int_equal(configuration_policy(c, m, &p, NULL), 0);
        assert_int_equal(p.match_from, 489);
        c->false_match_rate = 0.0003;  /* one try could hold it, three cannot */
        assert_int_equal(configuration_policy(c, m, &p, NULL), -ERANGE);
        c->false_match_rate = 1e-5;
        assert_int_equal(configuration_policy(c, m, &p, NULL), -ERANGE);
}

/* The models' own manifest counts, also where it cannot be used; the common one only where there is none. */
static void test_the_models_own_manifest(void **state) {
        static const char text[] = DETECTOR LIVENESS MATCHER CALIBRATION;
        char directory[] = "/tmp/test-manifest-XXXXXX", own[64];
        _cleanup_(manifest_freep) Manifest *m = NULL;
        char *path;
        int fd;

        assert_non_null(mkdtemp(directory));
        (void) snprintf(own, sizeof(own), "%s/manifest", directory);
        path = manifest_path_of(directory);
        assert_string_equal(path, MANIFEST_PATH);
        free(path);

        fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        path = manifest_path_of(directory);
        assert_string_equal(path, own);
        free(path);
        assert_int_equal(manifest_load(NULL, directory, &m), -EBADMSG);

        assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
        assert_int_equal(manifest_load(NULL, directory, &m), 0);
        assert_string_equal(m->path, own);

        assert_int_equal(unlink(own), 0);
        assert_int_equal(symlink("/nowhere", own), 0);
        path = manifest_path_of(directory);
        assert_string_equal(path, own);
        free(path);

        (void) close(fd);
        assert_int_equal(unlink(own), 0);
        assert_int_equal(rmdir(directory), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults_are_strict),
                cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_software_cameras),
                cmocka_unit_test(test_unknown_keys_only_warn),
                cmocka_unit_test(test_bad_values_are_refused),
                cmocka_unit_test(test_a_missing_file),
                cmocka_unit_test(test_words_name_line_key_and_range),
                cmocka_unit_test(test_a_long_line_is_no_two_lines),
                cmocka_unit_test(test_indentation_means_nothing),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_values_read_back),
                cmocka_unit_test(test_random_bytes),
                cmocka_unit_test(test_manual),
                cmocka_unit_test(test_manifest),
                cmocka_unit_test(test_bad_manifests),
                cmocka_unit_test(test_the_models_own_manifest),
                cmocka_unit_test(test_threshold),
                cmocka_unit_test(test_threshold_needs_comparisons),
                cmocka_unit_test(test_policy),
        };

        return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
