/* SPDX-License-Identifier: Apache-2.0 */

/* Stands in for likeness-examiner and does what the environment's LIKENESS_HOSTILE_MODE or the first line in MODE_FILE says,
 * which is never what it should do.
 * Modes of a decoder begin with "decoder-"; the other part of the pair is then played by the real program. Unless a
 * mode says otherwise it ends when likenessd hangs up. */

#include "camera-identity.h"
#include "examiner-protocol.h"
#include "findings.h"
#include "macro.h"
#include "sandbox-part.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define MODE_FILE "/run/private-bus/hostile-mode"
#define GO_FILE "/run/private-bus/hostile-go"
#define REAL_EXAMINER "/run/private-bus/build/daemon/examiner/likeness-examiner"

/* Ended in the middle of what it says, it cannot free it: a sanitizer would report that in likenessd's log. */
extern const char *__asan_default_options(void);
const char *__asan_default_options(void) {
        return "detect_leaks=0";
}

#define CHECK(expression)                                   \
        do {                                                \
                if ((expression) < 0)                       \
                        exit(0); /* likenessd hung up */    \
        } while (0)

typedef struct Hostile {
        sd_bus *bus;
        const char *mode;
        sd_bus_message *attach;        /* answered already */
        int lifeline;                  /* what the daemon closes */
} Hostile;

static void die_when_hung_up(Hostile *h) {
        for (;;) {
                CHECK(sd_bus_process(h->bus, NULL));
                CHECK(sd_bus_wait(h->bus, UINT64_MAX));
        }
}

_Noreturn static void stay_for_ever(void) {
        (void) prctl(PR_SET_NAME, "stays"); /* for a test that waits for it */
        for (;;)
                pause();
}

/* As the examiner does it: from here on the kernel ends it when the daemon hangs up. */
static void arm_lifeline(Hostile *h) {
        CHECK(fcntl(h->lifeline, F_SETOWN, getpid()));
        CHECK(fcntl(h->lifeline, F_SETSIG, SIGKILL));
        CHECK(fcntl(h->lifeline, F_SETFL, O_ASYNC | O_NONBLOCK));
}

static void ignore_signals(void) {
        sigset_t all;

        sigfillset(&all);
        CHECK(sigprocmask(SIG_SETMASK, &all, NULL));
        for (int i = 1; i < NSIG; i++)
                (void) signal(i, SIG_IGN);
}

/* Children of children in sessions of their own that hold nothing of their parent's. */
static void leave_children_behind(void) {
        for (int i = 0; i < 8; i++)
                if (fork() == 0) {
                        (void) setsid();
                        ignore_signals();
                        if (fork() != 0)
                                _exit(0);
                        (void) close_range(0, ~0U, 0);
                        stay_for_ever();
                }
}

_Noreturn static void spin(void) {
        for (volatile unsigned n = 0;; n++)
                ;
}

static void emit(Hostile *h, const char *member, const char *types, ...) {
        sd_bus_message *m = NULL;
        va_list arguments;

        CHECK(sd_bus_message_new_signal(h->bus, &m, EXAMINER_PATH, EXAMINER_INTERFACE, member));
        va_start(arguments, types);
        if (*types)
                CHECK(sd_bus_message_appendv(m, types, arguments));
        va_end(arguments);
        CHECK(sd_bus_send(h->bus, m, NULL));
        CHECK(sd_bus_flush(h->bus));
        sd_bus_message_unref(m);
}

static void reply_findings(sd_bus_message *order, const Findings *f) {
        CHECK(sd_bus_reply_method_return(order, EXAMINER_FINDINGS_SIGNATURE, (uint32_t) f->outcome,
                        (uint32_t) f->reason, f->model, f->frames_captured, f->frames_used, f->frames_matched,
                        f->similarity, f->liveness, f->attack_signs, f->camera));
}

static void reply_match(sd_bus_message *order) {
        reply_findings(order, &(Findings) {
                        .outcome = OUTCOME_EXAMINED, .frames_captured = 30, .frames_used = 20,
                        .frames_matched = 10, .similarity = 1000, .liveness = 1000 });
}

/* A string that no log and no caller wants. */
static char *long_string(size_t n) {
        char *s = malloc(n + 1);

        if (!s)
                exit(1);
        memset(s, 'A', n);
        s[n] = '\0';
        return s;
}

/* 100 MiB in one message; an array may have 64 MiB. */
static void send_huge(Hostile *h) {
        const size_t half = 50U * 1024 * 1024;
        sd_bus_message *m = NULL;
        void *space;

        CHECK(sd_bus_message_new_signal(h->bus, &m, EXAMINER_PATH, EXAMINER_INTERFACE, "Alive"));
        for (int i = 0; i < 2; i++) {
                CHECK(sd_bus_message_append_array_space(m, 'y', half, &space));
                memset(space, 'A', half);
        }
        CHECK(sd_bus_send(h->bus, m, NULL));
        CHECK(sd_bus_flush(h->bus));
}

static void call_daemon(Hostile *h, const char *interface, const char *member) {
        sd_bus_message *m = NULL;

        CHECK(sd_bus_message_new_method_call(h->bus, &m, NULL, "/org/likeness/Verifier1", interface, member));
        CHECK(sd_bus_call_async(h->bus, NULL, m, NULL, NULL, UINT64_MAX));
        CHECK(sd_bus_flush(h->bus));
}

/* Good findings with one member that cannot be. */
static bool reply_impossible(Hostile *h, sd_bus_message *order) {
        Findings f = {
                .outcome = OUTCOME_EXAMINED,
                .frames_captured = 30,
                .frames_used = 20,
                .frames_matched = 10,
                .similarity = 1000,
                .liveness = 1000,
        };

        if (streq(h->mode, "match"))
                ;                      /* nothing wrong with it: shows that the others are refused for what they are */
        else if (streq(h->mode, "no-match"))
                f.similarity = 0;
        else if (streq(h->mode, "not-live"))
                f.liveness = 0;
        else if (streq(h->mode, "unusable"))
                f = (Findings) { .outcome = OUTCOME_REFERENCE_UNUSABLE, .reason = REASON_PORTRAIT_BLURRED };
        else if (streq(h->mode, "outcome"))
                f.outcome = (Outcome) 99;
        else if (streq(h->mode, "reason"))
                f.reason = (Reason) 0x7fffffff;
        else if (streq(h->mode, "model"))
                f.model = 64;
        else if (streq(h->mode, "captured"))
                f.frames_captured = UINT32_MAX;
        else if (streq(h->mode, "used"))
                f.frames_used = 31;
        else if (streq(h->mode, "matched"))
                f.frames_matched = 21;
        else if (streq(h->mode, "similarity"))
                f.similarity = 5000;
        else if (streq(h->mode, "similarity-negative"))
                f.similarity = INT32_MIN;
        else if (streq(h->mode, "liveness"))
                f.liveness = 1001;
        else if (streq(h->mode, "camera"))
                f.camera = CAMERA_CANDIDATES_MAX;
        else if (streq(h->mode, "camera-not-given"))
                f.camera = 1;
        else if (streq(h->mode, "signs"))
                f.attack_signs = UINT32_C(1) << 31;
        else if (streq(h->mode, "no-evidence"))
                f.frames_captured = f.frames_used = f.frames_matched = 0;
        else if (streq(h->mode, "little-evidence"))
                f.frames_used = f.frames_matched = 1;
        else if (streq(h->mode, "nothing-matched"))
                f.frames_matched = 0;
        else if (streq(h->mode, "time-ran-out"))
                f.outcome = OUTCOME_TIME_RAN_OUT;
        else if (streq(h->mode, "internal-error"))
                f.outcome = OUTCOME_INTERNAL_ERROR;
        else if (streq(h->mode, "model-missing"))
                f = (Findings) { .outcome = OUTCOME_MODEL_MISSING, .model = 63 };
        else
                return false;

        reply_findings(order, &f);
        return true;
}

static bool send_what_is_not_on_the_list(Hostile *h) {
        if (streq(h->mode, "string"))
                emit(h, "Stage", "s", "the customer's name");
        else if (streq(h->mode, "bytes"))
                emit(h, "Prompt", "ay", 3, 1, 2, 3);
        else if (streq(h->mode, "descriptor"))
                emit(h, "Alive", "h", STDIN_FILENO);
        else if (streq(h->mode, "member"))
                emit(h, "Score", "u", 700U);
        else if (streq(h->mode, "stage"))
                emit(h, "Stage", "u", (uint32_t) _STAGE_MAX);
        else if (streq(h->mode, "stage-negative"))
                emit(h, "Stage", "u", UINT32_MAX);
        else if (streq(h->mode, "prompt"))
                emit(h, "Prompt", "uu", (uint32_t) _PROMPT_MAX, 0U);
        else if (streq(h->mode, "progress"))
                emit(h, "Prompt", "uu", 0U, 1001U);
        else if (streq(h->mode, "huge"))
                send_huge(h);
        else if (streq(h->mode, "call"))
                call_daemon(h, EXAMINER_INTERFACE, "Verify");
        else if (streq(h->mode, "ping"))
                call_daemon(h, "org.freedesktop.DBus.Peer", "Ping");
        else if (streq(h->mode, "introspect"))
                call_daemon(h, "org.freedesktop.DBus.Introspectable", "Introspect");
        else if (streq(h->mode, "unasked"))
                CHECK(sd_bus_reply_method_return(h->attach, NULL)); /* a second time */
        else
                return false;

        return true;
}

static void examine(Hostile *h, sd_bus_message *order) {
        if (reply_impossible(h, order) || send_what_is_not_on_the_list(h))
                return;

        if (streq(h->mode, "flood"))
                for (;;)
                        emit(h, "Alive", "");
        if (streq(h->mode, "flood-prompts"))
                for (;;)
                        emit(h, "Prompt", "uu", 0U, 500U);
        if (streq(h->mode, "face-seen-lost")) {
                emit(h, "Stage", "u", (uint32_t) STAGE_FACE_SEEN);
                reply_findings(order, &(Findings) { .outcome = OUTCOME_CAMERA_LOST });
        }
        if (streq(h->mode, "loaded-lost"))
                emit(h, "Stage", "u", (uint32_t) STAGE_MODELS_LOADED);
        if (streq(h->mode, "lost") || streq(h->mode, "loaded-lost"))
                reply_findings(order, &(Findings) { .outcome = OUTCOME_CAMERA_LOST });
        if (streq(h->mode, "face-seen-waits"))
                emit(h, "Stage", "u", (uint32_t) STAGE_FACE_SEEN);
        if (streq(h->mode, "alive-only") || streq(h->mode, "face-seen-waits"))
                for (;; usleep(EXAMINER_ALIVE_USEC))
                        emit(h, "Alive", "");

        if (streq(h->mode, "face-seen-match-later")) {
                emit(h, "Stage", "u", (uint32_t) STAGE_FACE_SEEN);
                for (emit(h, "Prompt", "uu", 0U, 500U); access(GO_FILE, F_OK) < 0; usleep(EXAMINER_ALIVE_USEC / 10))
                        emit(h, "Alive", "");
                reply_match(order);
        }

        if (streq(h->mode, "hang-up-examine"))
                exit(0);
        if (streq(h->mode, "hang-up-face-seen")) {
                emit(h, "Stage", "u", (uint32_t) STAGE_FACE_SEEN);
                exit(0);
        }
        if (streq(h->mode, "findings-signature"))
                CHECK(sd_bus_reply_method_return(order, "s", "match"));
        if (streq(h->mode, "findings-short"))
                CHECK(sd_bus_reply_method_return(order, "uu", 0U, 0U));
        if (streq(h->mode, "findings-long"))
                CHECK(sd_bus_reply_method_return(order, "uuuuuuiuuus", 0U, 0U, 0U, 30U, 20U, 10U, 1000, 1000U, 0U, 0U,
                                "x"));
        if (streq(h->mode, "error"))
                CHECK(sd_bus_reply_method_errorf(order, "org.example.Error", "%s", long_string(1 << 20)));

        if (streq(h->mode, "stuck")) {
                reply_match(order);
                (void) sd_bus_flush(h->bus);
                stay_for_ever();
        }
        if (streq(h->mode, "leaves-child") && fork() == 0)
                stay_for_ever();       /* what it was given is in this one's memory, too */
        if (streq(h->mode, "leaves-child"))
                reply_match(order);
        if (streq(h->mode, "stuck-silent"))
                stay_for_ever();

        /* these have armed their lifeline */
        if (streq(h->mode, "ignores-signals")) {
                ignore_signals();
                stay_for_ever();
        }
        if (streq(h->mode, "spins")) {
                ignore_signals();
                spin();
        }
        if (streq(h->mode, "forks"))
                leave_children_behind();
        if (streq(h->mode, "forks-and-answers")) {
                leave_children_behind();
                reply_findings(order, &(Findings) {
                                .outcome = OUTCOME_EXAMINED, .frames_captured = 30, .frames_used = 20,
                                .frames_matched = 10, .similarity = 1000, .liveness = 1000 });
        }
        /* "silent": nothing at all */
}

static void append_report(sd_bus_message *m, uint32_t outcome, unsigned modes, uint32_t fourcc, uint32_t rate) {
        CHECK(sd_bus_message_open_container(m, 'r', "ua(uuuu)"));
        CHECK(sd_bus_message_append(m, "u", outcome));
        CHECK(sd_bus_message_open_container(m, 'a', "(uuuu)"));
        for (unsigned i = 0; i < modes; i++)
                CHECK(sd_bus_message_append(m, "(uuuu)", fourcc, 640U, 480U, rate));
        CHECK(sd_bus_message_close_container(m));
        CHECK(sd_bus_message_close_container(m));
}

/* Lies about the one camera that it is asked for. */
static void inspect(Hostile *h, sd_bus_message *order) {
        const uint32_t fourcc = streq(h->mode, "inspect-fourcc") ? 0 : 0x56595559U; /* YUYV */
        const uint32_t outcome = streq(h->mode, "inspect-outcome") ? _OUTCOME_MAX :
                                 streq(h->mode, "inspect-verdict") ? OUTCOME_TIME_RAN_OUT :
                                 streq(h->mode, "inspect-denied")  ? OUTCOME_CAMERA_DENIED :
                                                                     OUTCOME_EXAMINED;
        const unsigned reports = streq(h->mode, "inspect-none") ? 0 : streq(h->mode, "inspect-more") ? 2 : 1,
                       modes = streq(h->mode, "inspect-modes") ? 65 : 1;
        sd_bus_message *m;

        if (streq(h->mode, "inspect-hang-up"))
                exit(0);
        if (streq(h->mode, "inspect-silent"))
                return;
        if (streq(h->mode, "inspect-signature")) {
                CHECK(sd_bus_reply_method_return(order, "s", "a camera"));
                return;
        }
        if (streq(h->mode, "inspect-error")) {
                _cleanup_free_ char *text = long_string(1 << 20);

                CHECK(sd_bus_reply_method_errorf(order, "org.example.Error", "%s", text));
                return;
        }
        CHECK(sd_bus_message_new_method_return(order, &m));
        CHECK(sd_bus_message_open_container(m, 'a', "(ua(uuuu))"));
        for (unsigned i = 0; i < reports; i++)
                append_report(m, outcome, modes, fourcc, streq(h->mode, "inspect-rate") ? UINT32_MAX : 30000U);
        CHECK(sd_bus_message_close_container(m));
        CHECK(sd_bus_send(h->bus, m, NULL));
        sd_bus_message_unref(m);
        if (streq(h->mode, "inspect-stuck")) {
                (void) sd_bus_flush(h->bus);
                stay_for_ever();
        }
}

static void reply_decoded(sd_bus_message *order, uint32_t outcome, uint32_t width, uint32_t height) {
        CHECK(sd_bus_reply_method_return(order, EXAMINER_DECODED_SIGNATURE, outcome, width, height));
}

static void decode(Hostile *h, sd_bus_message *order) {
        int picture, pixels;

        CHECK(sd_bus_message_read(order, "hh", &picture, &pixels));

        if (streq(h->mode, "decoder-outcome"))
                reply_decoded(order, 99, 64, 64);
        else if (streq(h->mode, "decoder-size"))
                reply_decoded(order, DECODE_DONE, 100000, 100000);
        else if (streq(h->mode, "decoder-nothing"))
                reply_decoded(order, DECODE_DONE, 0, 0);
        else if (streq(h->mode, "decoder-too-little")) {
                CHECK(ftruncate(pixels, 64 * 64));
                reply_decoded(order, DECODE_DONE, 64, 64);
        } else if (streq(h->mode, "decoder-too-much")) {
                CHECK(ftruncate(pixels, (off_t) 64 * 64 * 3 + 1));
                reply_decoded(order, DECODE_DONE, 64, 64);
        } else if (streq(h->mode, "decoder-keeps-writing")) {
                /* a child that could change the portrait after it was judged */
                CHECK(ftruncate(pixels, (off_t) 64 * 64 * 3));
                if (fork() == 0) {
                        (void) mmap(NULL, 64 * 64 * 3, PROT_READ | PROT_WRITE, MAP_SHARED, pixels, 0);
                        stay_for_ever();
                }
                usleep(100 * 1000);    /* for its mmap() */
                reply_decoded(order, DECODE_DONE, 64, 64);
        } else if (streq(h->mode, "decoder-seals")) {
                CHECK(ftruncate(pixels, (off_t) 64 * 64 * 3));
                (void) fcntl(pixels, F_ADD_SEALS, F_SEAL_SEAL);
                reply_decoded(order, DECODE_DONE, 64, 64);
        } else if (streq(h->mode, "decoder-hang-up"))
                exit(0);
        else if (streq(h->mode, "decoder-flood"))
                for (;;)
                        emit(h, "Alive", "");
        else if (streq(h->mode, "decoder-error"))
                CHECK(sd_bus_reply_method_errorf(order, "org.example.Error", "%s", long_string(1 << 20)));
        else if (streq(h->mode, "decoder-stuck")) {
                CHECK(ftruncate(pixels, (off_t) 64 * 64 * 3));
                reply_decoded(order, DECODE_DONE, 64, 64);
                (void) sd_bus_flush(h->bus);
                stay_for_ever();
        }
        /* "decoder-silent": nothing at all */
}

static void attach(Hostile *h, sd_bus_message *m) {
        if (streq(h->mode, "hang-up-attach"))
                exit(0);
        if (streq(h->mode, "refuse-attach"))
                CHECK(sd_bus_reply_method_errorf(m, "org.example.Error", "%s", long_string(1 << 20)));
        else if (streq(h->mode, "value-for-attach"))
                CHECK(sd_bus_reply_method_return(m, "s", "at your service"));
        else if (streq(h->mode, "unconfined"))
                CHECK(sd_bus_reply_method_return(m, EXAMINER_ATTACHED_SIGNATURE, (uint32_t) SANDBOX_FILES));
        else if (streq(h->mode, "unknown-part"))
                CHECK(sd_bus_reply_method_return(m, EXAMINER_ATTACHED_SIGNATURE, (uint32_t) _SANDBOX_PART_MAX));
        else if (!streq(h->mode, "silent-attach")) {
                if (streq(h->mode, "ignores-signals") || streq(h->mode, "spins") ||
                                strncmp(h->mode, "forks", strlen("forks")) == 0) {
                        int fd, demo;

                        CHECK(sd_bus_message_read(m, "hb", &fd, &demo));
                        h->lifeline = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                        arm_lifeline(h);
                }
                h->attach = sd_bus_message_ref(m);
                CHECK(sd_bus_reply_method_return(m, EXAMINER_ATTACHED_SIGNATURE, (uint32_t) SANDBOX_WHOLE));
        }
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Hostile *h = userdata;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                exit(0);
        if (sd_bus_message_is_method_call(m, EXAMINER_INTERFACE, "Attach"))
                attach(h, m);
        else if (sd_bus_message_is_method_call(m, EXAMINER_INTERFACE, "Examine"))
                examine(h, m);
        else if (sd_bus_message_is_method_call(m, EXAMINER_INTERFACE, "Inspect"))
                inspect(h, m);
        else if (sd_bus_message_is_method_call(m, EXAMINER_INTERFACE, "Decode"))
                decode(h, m);
        return 1;
}

/* What goes wrong before D-Bus begins. */
static void begin(Hostile *h, int fd) {
        static const char garbage[65536] = "\r\nDATA\r\n\xff\xff";
        char hello = streq(h->mode, "wrong-hello") ? 'X' : EXAMINER_HELLO;

        if (streq(h->mode, "stopped-before-hello"))
                (void) raise(SIGSTOP);
        if (streq(h->mode, "slow-hello"))
                usleep(700 * 1000);
        if (streq(h->mode, "no-hello-leaves-child") && fork() == 0)
                stay_for_ever();
        if (streq(h->mode, "no-hello-leaves-child"))
                exit(0);
        if (!streq(h->mode, "no-hello"))
                CHECK(send(fd, &hello, 1, MSG_NOSIGNAL));
        if (streq(h->mode, "hang-up-hello"))
                exit(0);
        if (streq(h->mode, "stopped-after-hello"))
                (void) raise(SIGSTOP);
        if (streq(h->mode, "garbage"))
                CHECK(send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL));
        if (streq(h->mode, "no-hello") || streq(h->mode, "hello-only") || streq(h->mode, "garbage")) {
                char byte;

                while (recv(fd, &byte, 1, 0) > 0)
                        ;
                exit(0);
        }
}

static const char *read_mode(void) {
        const char *mode = getenv("LIKENESS_HOSTILE_MODE");
        static char line[64];
        FILE *file;

        if (mode)
                return mode;
        file = fopen(MODE_FILE, "re");

        if (!file || !fgets(line, sizeof(line), file))
                exit(1);
        line[strcspn(line, "\n")] = '\0';
        return line;
}

int main(int argc, char *argv[]) {
        Hostile h = { .mode = read_mode() };
        bool decoder = false;
        sd_id128_t id;

        for (int i = 1; i < argc; i++)
                decoder = decoder || streq(argv[i], "--decode");
        if (decoder != (strncmp(h.mode, "decoder-", strlen("decoder-")) == 0)) {
                execv(REAL_EXAMINER, argv);
                return 1;
        }

        if (sd_listen_fds(/* unset_environment= */ 1) != 1)
                return 1;
        begin(&h, SD_LISTEN_FDS_START);
        CHECK(sd_bus_new(&h.bus));
        CHECK(sd_bus_set_fd(h.bus, SD_LISTEN_FDS_START, SD_LISTEN_FDS_START));
        CHECK(sd_id128_randomize(&id));
        CHECK(sd_bus_set_server(h.bus, true, id));
        CHECK(sd_bus_set_anonymous(h.bus, true));
        CHECK(sd_bus_set_trusted(h.bus, true));
        CHECK(sd_bus_negotiate_fds(h.bus, true));
        CHECK(sd_bus_add_filter(h.bus, NULL, on_message, &h));
        CHECK(sd_bus_start(h.bus));
        die_when_hung_up(&h);
}
