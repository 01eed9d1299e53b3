/* SPDX-License-Identifier: Apache-2.0 */

#include "session.h"
#include "clock.h"
#include "log.h"
#include "no-memory.h"
#include "session-times.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* JPEG 2000 of 24 megapixels takes a second or two; a picture that takes longer is made to. */
#define DECODING_USEC (UINT64_C(10) * USEC_PER_SEC)
#define RELAXED_FACTOR 3U
/* The examiner keeps the time limit itself; this is for one that does not. */
#define OVERTIME_USEC (UINT64_C(3) * USEC_PER_SEC)

struct Session {
        SessionSetup setup;
        const SessionHandlers *handlers;
        void *userdata;

        SessionState state;
        Request *request;
        Attempt attempt;

        ExaminerLink *examiner, *decoder;
        bool examiner_ready;
        int pixels;                    /* memfd: being written by the decoder, then sealed; -1 when passed on */
        uint32_t width, height;
        const CameraCandidate *camera; /* whose pictures were looked at; NULL: none yet, or a recording's */
        bool face_seen;
        bool stuck;
        Ended ended;                   /* what is true of all of its processes */
        bool decoder_failed;           /* with CAUSE_EXAMINER_FAILED */

        sd_event_source *deadline;
        sd_event_source *close;        /* defers the end of a session that has no process to wait for */
        uint64_t time_limit_usec, examining_since;

        SessionResult result;
        char *detail;                  /* what an administrator is told beyond `result` */
        SessionTimes times;
};

static void session_set_state(Session *s, SessionState next) {
        static const unsigned allowed[_SESSION_STATE_MAX] = {
                [SESSION_NEW] = 1U << SESSION_DECODING,
                [SESSION_DECODING] = 1U << SESSION_EXAMINING | 1U << SESSION_ENDING,
                [SESSION_EXAMINING] = 1U << SESSION_ENDING,
                [SESSION_ENDING] = 1U << SESSION_CLOSED,
        };

        assert(allowed[s->state] & (1U << next));
        s->state = next;
}

static _printf_(2, 3) void session_set_detail(Session *s, const char *format, ...) {
        va_list arguments;

        if (s->detail)
                return;
        va_start(arguments, format);
        if (vasprintf(&s->detail, format, arguments) < 0)
                s->detail = NULL;
        va_end(arguments);
}

/* One line for how it ended: neither verdict, reasons nor duration. A log is read by more people than a receipt. */
static void session_log_end(const Session *s) {
        const SessionResult *result = &s->result;
        int level = cause_log_level(result->cause);
        const char *id = result->cause == CAUSE_EXAMINER_FAILED && s->decoder_failed ? MESSAGE_DECODER_FAILED :
                                                                                   cause_message_id(result->cause);

        if (result->cause == CAUSE_VERDICT)
                log_check(level, id, s->attempt.support_code, "closed: answered");
        else if (level >= LOG_INFO)
                log_check(level, id, s->attempt.support_code, "closed: %s", cause_to_string(result->cause));
        else
                log_check(level, id, s->attempt.support_code, "closed: %s: %s%s%s", cause_to_string(result->cause),
                          result->message ? result->message : "out of memory", s->detail ? " -- " : "",
                          s->detail ? s->detail : "");
}

static Cause cause_of_change(CameraChange change) {
        return change == CAMERAS_LOST ? CAUSE_CAMERA_LOST : CAUSE_CAMERA_CHANGED;
}

/* Nothing is signed but over cameras that are all there as they were when one of them was chosen. Not everything that
 * happened was heard, or heard in time. */
static void session_check_cameras(Session *s) {
        _cleanup_free_ char *what = NULL;
        int r;

        if (s->result.cause != CAUSE_VERDICT || !s->setup.watch)
                return;
        r = camera_watch_look(s->setup.watch, &what);
        if (r == CAMERAS_SAME)
                return;

        if (r < 0)
                session_set_detail(s, "the cameras cannot be looked for again: %s", strerror(-r));
        else
                session_set_detail(s, "not as it was: %s", what ?: "a camera");
        s->result.cause = r < 0 ? CAUSE_INTERNAL : cause_of_change((CameraChange) r);
}

/* Both processes are gone (or will not go): the closing entry is written, and only then is anybody told. */
static void session_close(Session *s) {
        SessionResult *result = &s->result;
        int r;

        session_set_state(s, SESSION_CLOSED);
        s->times.ended_usec = now_monotonic_usec();
        s->deadline = sd_event_source_disable_unref(s->deadline);

        if (s->stuck) {
                result->cause = CAUSE_EXAMINER_STUCK;
                free(TAKE_PTR(result->message));
        }
        session_check_cameras(s);
        result->binding = s->setup.configuration->mode == MODE_ENFORCE && !s->setup.demo;
        result->duration_usec = (now_monotonic_usec() - s->times.opened_usec + 50 * USEC_PER_MSEC) / (100 * USEC_PER_MSEC) *
                        (100 * USEC_PER_MSEC);
        result->support_code = s->attempt.support_code;
        result->able = s->times.stage_usec[STAGE_MODELS_LOADED] > 0;

        if (result->cause == CAUSE_EXAMINER_STUCK || result->cause == CAUSE_EXAMINER_UNWATCHED)
                s->ended = ENDED_NOTHING;

        const Closing closing = {
                .cause = result->cause,
                .decision = result->cause == CAUSE_VERDICT ? &result->decision : NULL,
                .camera = s->camera ? s->camera->name : NULL,
                .face_seen = s->face_seen,
                .binding = result->binding,
                .ended = s->ended,
        };
        r = record_close(s->setup.record, &s->attempt, &closing, &result->receipt);
        if (r < 0) {
                /* no verdict without a record of it */
                session_set_detail(s, "the closing entry: %s", strerror(-r));
                result->cause = CAUSE_RECORD;
                free(TAKE_PTR(result->message));
                record_end_if_open(s->setup.record, s->setup.event, r);
        }

        result->attempt = s->attempt.number;
        result->attempts_left = s->attempt.left;

        if (result->cause != CAUSE_VERDICT && !result->message)
                result->message = strdup(cause_message(result->cause));
        result->error = cause_error(result->cause);
        session_log_end(s);
        session_times_log(&s->times, s->attempt.support_code);

        s->handlers->closed(s, result, s->userdata);
}

static int on_close(sd_event_source *source, void *userdata) {
        session_close(userdata);
        return 0;
}

static void session_close_if_gone(Session *s) {
        if (s->state == SESSION_ENDING && !s->examiner && !s->decoder)
                session_close(s);
}

/* Sets what the session ends with (the first cause stays) and tells the processes to end. */
static void session_begin_end(Session *s, Cause cause) {
        int r;

        if (s->state >= SESSION_ENDING)
                return;

        session_set_state(s, SESSION_ENDING);
        s->result.cause = cause;
        s->request->reference = safe_close(s->request->reference);
        s->pixels = safe_close(s->pixels);

        if (s->examiner)
                examiner_link_end(s->examiner);
        if (s->decoder)
                examiner_link_end(s->decoder);
        if (!s->examiner && !s->decoder) {
                r = sd_event_add_defer(s->setup.event, &s->close, on_close, s);
                if (r < 0)
                        log_check_errno(LOG_ERR, r, MESSAGE_CHECK_FAILED, s->attempt.support_code,
                                        "cannot be closed: %m");
                end_without_memory(s->setup.event, r);
        }
}

static void session_fail(Session *s, int error, const char *what) {
        session_set_detail(s, "%s: %s", what, strerror(-error));
        session_begin_end(s, CAUSE_INTERNAL);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        s->decoder_failed = s->state == SESSION_DECODING && s->decoder;
        session_set_detail(s, "the %s exceeded its time", s->state == SESSION_DECODING ? "decoding" : "examination");
        session_begin_end(s, CAUSE_EXAMINER_FAILED);
        return 0;
}

static int session_set_deadline(Session *s, uint64_t usec) {
        s->deadline = sd_event_source_disable_unref(s->deadline);
        return sd_event_add_time_relative(s->setup.event, &s->deadline, CLOCK_MONOTONIC, usec, 0, on_deadline, s);
}

/* The examiner is there and the reference is decoded and sealed: the examination begins. */
static void session_examine(Session *s) {
        int r;

        if (s->state != SESSION_DECODING || !s->examiner_ready || s->decoder || s->width == 0)
                return;

        s->time_limit_usec = s->setup.configuration->time_limit_sec * USEC_PER_SEC;
        if (s->request->pace == PACE_RELAXED)
                s->time_limit_usec *= RELAXED_FACTOR;

        const ExamineOrder order = {
                .reference = s->pixels,
                .width = s->width,
                .height = s->height,
                .cameras = s->setup.cameras,
                .n_cameras = s->setup.n_cameras,
                .software = s->setup.configuration->software_cameras,
                .view = s->setup.configuration->cameras[CAMERA_ROLE_FACE].view,
                .challenge = s->request->challenge,
                .pace = s->request->pace,
                .no_match_below = s->setup.policy->no_match_below,
                .match_from = s->setup.policy->match_from,
                .time_limit_usec = s->time_limit_usec,
        };
        r = examiner_link_examine(s->examiner, &order);
        s->pixels = safe_close(s->pixels);
        if (r >= 0)
                r = session_set_deadline(s, s->time_limit_usec + OVERTIME_USEC);
        if (r < 0) {
                session_fail(s, r, "the examination cannot be ordered");
                return;
        }

        session_set_state(s, SESSION_EXAMINING);
        s->examining_since = now_monotonic_usec();
}

/* The decoder is gone, so nobody can write to the pixels any more: the kernel refuses the seal otherwise. */
static void session_seal_pixels(Session *s) {
        struct stat st;

        if (fcntl(s->pixels, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0 ||
            fstat(s->pixels, &st) < 0) {
                session_fail(s, -errno, "the decoded picture cannot be sealed");
                return;
        }
        if (st.st_size != (off_t) s->width * s->height * 3) {
                session_fail(s, -EBADMSG, "the decoder wrote another size than it says");
                return;
        }

        session_examine(s);
}

static void on_link_ready(ExaminerLink *l, void *userdata) {
        Session *s = userdata;
        int r;

        if (s->state != SESSION_DECODING)
                return;

        if (l == s->examiner) {
                s->examiner_ready = true;
                s->times.ready_usec = now_monotonic_usec();
                session_examine(s);
                return;
        }

        r = examiner_link_decode(l, s->request->reference, s->pixels);
        s->request->reference = safe_close(s->request->reference);
        if (r < 0)
                session_fail(s, r, "the decoding cannot be ordered");
}

static void on_link_decoded(ExaminerLink *l, DecodeOutcome outcome, uint32_t width, uint32_t height, void *userdata) {
        Session *s = userdata;

        if (s->state != SESSION_DECODING || l != s->decoder)
                return;
        if (outcome != DECODE_DONE) {
                session_begin_end(s, CAUSE_BAD_REFERENCE);
                s->result.message = strdup(decode_outcome_message(outcome));
                return;
        }

        s->width = width;
        s->height = height;
        examiner_link_end(l);
}

static void on_link_stage(ExaminerLink *l, Stage stage, void *userdata) {
        Session *s = userdata;

        if (l != s->examiner)
                return;
        if (s->times.stage_usec[stage] == 0)
                s->times.stage_usec[stage] = now_monotonic_usec();
        if (stage == STAGE_FACE_SEEN)
                s->face_seen = true;
}

static void on_link_prompt(ExaminerLink *l, Prompt prompt, uint32_t progress, void *userdata) {
        uint64_t spent, remaining = 0;
        Session *s = userdata;

        if (s->state != SESSION_EXAMINING || l != s->examiner)
                return;

        spent = now_monotonic_usec() - s->examining_since;
        if (spent < s->time_limit_usec)
                remaining = s->time_limit_usec - spent;
        s->handlers->prompt(s, prompt, progress, remaining, s->userdata);
}

/* The one error whose words depend on the terminal: which model, and where it should be. */
static void session_describe_model(Session *s, const Findings *f) {
        const Manifest *m = s->setup.manifest;
        const char *what = f->outcome == OUTCOME_MODEL_MISSING   ? "is missing or cannot be read" :
                           f->outcome == OUTCOME_MODEL_ALTERED   ? "is not the file that the manifest names "
                                                                   "(its SHA-256 differs)" :
                                                                   "does not load";

        if (f->outcome == OUTCOME_MANIFEST_UNUSABLE || f->model >= m->n_models) {
                if (asprintf(&s->result.message, "The model manifest %s cannot be used; see the service's log.",
                                    m->path) < 0)
                        s->result.message = NULL;
        } else if (asprintf(&s->result.message,
                                   "The model %s %s: %s. Install the models again (the package likeness-models, which "
                                   "\"likenessctl models pack DIRECTORY\" builds).",
                                   m->models[f->model].name, what, m->models[f->model].path) < 0)
                s->result.message = NULL;
}

/* Which of several it was. Where a driver did not come back the examiner could not say. */
static void session_describe_camera(Session *s, Cause cause, const Findings *f) {
        const CameraCandidate *camera = &s->setup.cameras[f->camera];

        if (cause < CAUSE_CAMERA_NONE || cause > CAUSE_CAMERA_COVERED || isempty(camera->name) ||
            (cause == CAUSE_CAMERA_STUCK && s->setup.n_cameras > 1))
                return;
        session_set_detail(s, "the camera %s (%s)", camera->name, camera->node);
}

static void on_link_findings(ExaminerLink *l, const Findings *f, void *userdata) {
        Session *s = userdata;

        if (s->state != SESSION_EXAMINING || l != s->examiner)
                return;
        if (f->camera >= s->setup.n_cameras) {
                session_set_detail(s, "the examiner names a camera that it was not given");
                session_begin_end(s, CAUSE_EXAMINER_FAILED);
                return;
        }

        if (f->frames_captured > 0 && !isempty(s->setup.cameras[f->camera].name))
                s->camera = &s->setup.cameras[f->camera];
        s->times.found_usec = now_monotonic_usec();
        s->times.frames_captured = f->frames_captured;
        s->times.frames_used = f->frames_used;
        if (!outcome_has_verdict(f->outcome)) {
                Cause cause = cause_of_outcome(f->outcome);

                session_describe_camera(s, cause, f);
                session_begin_end(s, cause);
                if (cause == CAUSE_MODEL)
                        session_describe_model(s, f);
                return;
        }

        session_begin_end(s, CAUSE_VERDICT);
        decide(f, s->setup.policy, &s->result.decision);
}

static void on_link_failed(ExaminerLink *l, Cause cause, const char *what, void *userdata) {
        Session *s = userdata;

        if (s->state >= SESSION_ENDING)
                return;
        s->decoder_failed = l == s->decoder;
        session_set_detail(s, "the %s failed: %s", s->decoder_failed ? "decoder" : "examiner", what);
        session_begin_end(s, cause);
}

static void on_link_gone(ExaminerLink *l, bool stuck, void *userdata) {
        Ended ended = examiner_link_ended(l);
        Session *s = userdata;

        if (stuck) {
                session_set_detail(s, "the %s does not end; no other check can start until it is gone",
                                   l == s->decoder ? "decoder" : "examiner");
                s->stuck = true;
                if (s->state < SESSION_ENDING)
                        session_begin_end(s, CAUSE_EXAMINER_STUCK);
                if (s->state == SESSION_ENDING)
                        session_close(s);
                return;
        }

        if (s->ended == ENDED_NOTHING || (ended != ENDED_NOTHING && ended < s->ended))
                s->ended = ended;
        if (l == s->decoder)
                s->decoder = examiner_link_free(l);
        else
                s->examiner = examiner_link_free(l);

        if (s->state == SESSION_CLOSED) {
                if (!s->examiner && !s->decoder) {
                        s->stuck = false;
                        s->handlers->unstuck(s, s->userdata);
                }
        } else if (s->state == SESSION_DECODING && !s->decoder && s->width > 0)
                session_seal_pixels(s);
        else
                session_close_if_gone(s);
}

static const ExaminerLinkHandlers link_handlers = {
        .ready = on_link_ready,
        .stage = on_link_stage,
        .prompt = on_link_prompt,
        .decoded = on_link_decoded,
        .findings = on_link_findings,
        .failed = on_link_failed,
        .gone = on_link_gone,
};

int session_new(
                Session **ret,
                const SessionSetup *setup,
                Request *request,
                uid_t caller,
                const SessionHandlers *handlers,
                void *userdata) {

        Session *s;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;

        s->setup = *setup;
        s->request = request;
        s->attempt = (Attempt) { .request = request, .caller = caller };
        s->handlers = handlers;
        s->userdata = userdata;
        s->pixels = -1;
        *ret = s;
        return 0;
}

Session *session_free(Session *s) {
        if (!s)
                return NULL;

        sd_event_source_disable_unref(s->deadline);
        sd_event_source_disable_unref(s->close);
        examiner_link_free(s->examiner);
        examiner_link_free(s->decoder);
        safe_close(s->pixels);
        request_free(s->request);
        free(s->result.message);
        free(s->result.receipt);
        free(s->detail);
        free(s);
        return NULL;
}

int session_start(Session *s) {
        int r;

        s->times.opened_usec = now_monotonic_usec();
        r = record_open(s->setup.record, &s->attempt);
        if (r == -ENOTRECOVERABLE)     /* the ledger said so when it failed */
                return r;
        if (r < 0)
                return log_message_errno(LOG_ERR, r, MESSAGE_CHECK_FAILED,
                                         "the opening entry cannot be written, so no check is made: %m");
        log_check(LOG_INFO, MESSAGE_CHECK_OPENED, s->attempt.support_code, "opened for uid %u%s", s->attempt.caller,
                  s->setup.demo ? " (demo)" : "");

        /* From here on there is an opening entry: every failure ends in a closing entry, none is returned. */
        session_set_state(s, SESSION_DECODING);

        s->pixels = memfd_create("likeness-reference", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (s->pixels < 0) {
                session_fail(s, -errno, "no memory for the reference");
                return 0;
        }
        r = session_set_deadline(s, DECODING_USEC);
        if (r < 0) {
                session_fail(s, r, "no timer");
                return 0;
        }

        r = examiner_link_new(&s->examiner, s->setup.event, &s->setup.examiner, s->setup.demo, &link_handlers, s);
        if (r >= 0)
                r = examiner_link_new(&s->decoder, s->setup.event, &s->setup.decoder, s->setup.demo, &link_handlers, s);
        if (r < 0) {
                session_set_detail(s, "no connection to the sockets %s and %s (are they there?): %s",
                                   s->setup.examiner.socket, s->setup.decoder.socket, strerror(-r));
                session_begin_end(s, CAUSE_EXAMINER_FAILED);
        }

        return 0;
}

void session_end(Session *s, Cause cause) {
        session_begin_end(s, cause);
}

void session_cameras_changed(Session *s, CameraChange change, const char *what) {
        if (s->state >= SESSION_ENDING)
                return;
        session_set_detail(s, "not as it was: %s", what);
        session_begin_end(s, cause_of_change(change));
}

uid_t session_get_caller(const Session *s) {
        return s->attempt.caller;
}

const char *session_get_nonce(const Session *s) {
        return s->request->nonce;
}

bool session_is_stuck(const Session *s) {
        return s->stuck;
}

void session_set_times(Session *s, uint64_t called_usec, uint64_t authorised_usec) {
        s->times.called_usec = called_usec;
        s->times.authorised_usec = authorised_usec;
}
