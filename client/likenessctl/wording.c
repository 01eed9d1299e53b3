/* SPDX-License-Identifier: Apache-2.0 */

#include "wording.h"
#include "macro.h"

#include <systemd/sd-bus.h>

typedef struct Wording {
        const char *word;
        const char *text;
} Wording;

static const Wording verdicts[] = {
        { "match", "the live person is the person of the portrait" },
        { "no-match", "the live person is a different person" },
        { "not-live", "the camera did not see a live person" },
        { "reference-unusable", "the portrait cannot be used for a comparison" },
        { "inconclusive", "no certain answer" },
        { "exhausted", "there are no attempts left for this transaction; offer the customer another way" },
        { "declined", "the customer chose another way" },
};

static const Wording reasons[] = {
        { "card-not-found", "no card was seen: put it flat under the camera" },
        { "card-wrong-kind", "another kind of document was expected" },
        { "card-wrong-side", "turn the card over: the side with the portrait is needed" },
        { "card-glare", "light is mirrored on the card: tilt it a little" },
        { "portrait-too-small", "the face in the portrait is too small: use a larger or sharper picture" },
        { "portrait-blurred", "the portrait is blurred: take the picture again, in focus" },
        { "portrait-several", "there are several faces in the portrait: it must show one person alone" },
        { "portrait-none", "there is no face in the portrait: check that it is the right picture, the right way up" },
        { "not-a-card", "what was shown is not a card" },
        { "document-expired", "the document has expired" },
        { "mrz-unreadable", "the machine-readable lines could not be read: clean the card and try again" },
        { "mrz-invalid", "the machine-readable lines contradict themselves" },
        { "no-face", "no face was seen: the customer should sit in front of the camera and look at it" },
        { "several-faces", "several people were in view: one at a time, please" },
        { "too-dark", "it was too dark: put more light on the face and try again" },
        { "backlit", "the light behind the customer was too strong: turn away from the window or lamp" },
        { "too-far", "the customer was too far away: come closer and try again" },
        { "turned-away", "the customer looked away: look straight at the camera" },
        { "face-covered", "the face was covered: take off mask and dark glasses" },
        { "face-changed", "another person came into view: try again with the customer alone" },
        { "challenge-not-completed", "what was asked was not done: try again, at a relaxed pace" },
        { "light-too-weak", "the screen's light was too weak here: less room light, or come closer" },
        { "attack-suspected", "a picture or a screen may have been held to the camera" },
        { "not-certain", "the faces are neither clearly the same nor clearly different: try again in better light, or "
                         "offer another way" },
        { "time-ran-out", "the time was over before enough was seen: try again, with --pace=relaxed for more time" },
};

/* The bus's errors: the service's own say themselves what to do. */
static const Wording errors[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, "Likeness is not running here. Start it: systemctl start likenessd" },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, "Likeness is not running here. Start it: systemctl start likenessd" },
        { SD_BUS_ERROR_ACCESS_DENIED, "You may not do this here. To check customers, work at the terminal's own "
                                      "session, or ask the administrator to add you to the group likeness-operators "
                                      "(it works where /etc/polkit-1/rules.d/50-likeness-operators.rules is "
                                      "installed). Everything else takes an administrator." },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "This needs an administrator's password, and nobody can "
                                                           "be asked for it here. Ask again as the administrator, "
                                                           "or from a session with a password dialog." },
        { SD_BUS_ERROR_NO_REPLY, "Likeness ended while it was asked. Try again; if it happens again, see: "
                                 "journalctl -u likenessd" },
        { SD_BUS_ERROR_DISCONNECTED, "The system bus went away. Try again." },
        { SD_BUS_ERROR_TIMEOUT, "Try again, with a longer --timeout if the customer needs more time." },
        { "org.likeness.Verifier1.Error.Cancelled", "Nothing was decided. Ask again when you are ready." },
};

/* What needs attention on a terminal, and what to do. */
static const Wording problems[] = {
        { "starting", "the service has not got its key yet. Ask again in a moment" },
        { "no-key", "there is no signing key, so no check can be made. See: journalctl -u likenessd -x" },
        { "ledger-failed", "the ledger cannot be opened or written, so no check can be made. Is the disk full? See: "
                           "journalctl -u likenessd -x" },
        { "models-unusable", "a model is missing or was altered, so nothing can be examined. Install the models again; "
                             "which one: journalctl -u likenessd" },
        { "sandbox-missing", "the examiner is not confined by its unit, so it refuses to work. See: systemctl cat "
                             "likeness-examiner@.service" },
        { "examiner-stuck", "an examiner does not end, and no check is possible until it is gone. Unplug the camera; if "
                            "that does not help, restart the machine" },
        { "polkit-missing", "polkit did not decide when it was asked last, so every call is denied. See: systemctl status "
                            "polkit" },
        { "no-camera", "there is no camera that may be used. Connect one; what is there, and why it is not used: "
                       "likenessctl cameras" },
        { "configuration-refused", "the configuration has a mistake; the old one stays in effect. See: likenessctl config "
                                   "check" },
        { "disk-nearly-full", "there is little space left for the ledger. Free some where /var/lib/likeness is" },
        { "clock-not-synchronised", "nobody keeps the clock right, and receipts say so. See: timedatectl" },
        { "demo", "the service is a demonstration: no carrier accepts what it signs" },
};

static const Wording kinds[] = {
        { "colour", "colour" },
        { "infrared", "infrared (brightness alone)" },
        { "depth", "depth (distances alone)" },
};

static const Wording camera_states[] = {
        { "camera-busy", "busy: another program uses it. Close that program" },
        { "camera-denied", "may not be opened: the examiner lacks the permission. See: ls -l /dev/video*" },
        { "camera-refused", "refused: no hardware is behind it. A picture that software made is no evidence" },
        { "camera-changed", "was exchanged while it was looked at. Ask again" },
        { "camera-none", "has gone. Ask again" },
        { "camera-format", "delivers no pictures" },
        { "camera-stuck", "its driver does not answer. Unplug it and plug it in again; if that does not help, restart "
                          "the machine" },
        { "not-opened", "was not opened: there are too many cameras" },
};

static const Wording fitnesses[] = {
        { "fit", "fit" },
        { "no-colour", "second choice: it sees no colour, and is used only if no camera does" },
        { "few-pixels", "not fit: too few pixels" },
        { "slow", "not fit: too few pictures a second" },
        { "no-format", "not fit: it delivers none of MJPG, YUYV, NV12 and GREY" },
        { "no-hardware", "not fit: no hardware is behind it" },
        { "not-pinned", "not used: the configuration names another camera" },
        { "not-available", "not known" },
};

static const char *look_up(const Wording *table, size_t n, const char *word, const char *otherwise) {
        for (size_t i = 0; i < n; i++)
                if (streq(table[i].word, word))
                        return table[i].text;
        return otherwise;
}

const char *verdict_meaning(const char *verdict) {
        return look_up(verdicts, ELEMENTSOF(verdicts), verdict, verdict);
}

const char *reason_advice(const char *reason) {
        return look_up(reasons, ELEMENTSOF(reasons), reason, reason);
}

const char *error_advice(const char *name) {
        return look_up(errors, ELEMENTSOF(errors), name, NULL);
}

const char *problem_advice(const char *problem) {
        return look_up(problems, ELEMENTSOF(problems), problem, "a problem that this program does not know");
}

const char *kind_meaning(const char *kind) {
        return look_up(kinds, ELEMENTSOF(kinds), kind, kind);
}

const char *camera_state_meaning(const char *state) {
        return look_up(camera_states, ELEMENTSOF(camera_states), state, state);
}

const char *fitness_meaning(const char *fitness) {
        return look_up(fitnesses, ELEMENTSOF(fitnesses), fitness, fitness);
}

const char *document_fitness_meaning(const char *fitness) {
        return streq(fitness, "no-colour") ? "not fit: it sees no colour" : fitness_meaning(fitness);
}
