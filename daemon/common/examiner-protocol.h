/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The private link between likenessd and one examiner: D-Bus, peer to peer, over one socket per instance.
 *
 * Before D-Bus begins, the examiner writes the single byte EXAMINER_HELLO: it carries SCM_CREDENTIALS, which is
 * how the daemon learns the instance's process id (SO_PEERCRED names whoever listened on the socket).
 *
 * daemon → examiner (method calls)
 *   Attach(h lifeline, b demo) → (u)   first message; the read end of a pipe on which the examiner asks for SIGKILL.
 *                                      An examiner that was not started as its daemon was (--demo) refuses. The answer
 *                                      is the SandboxPart that it lacks (without --demo): then it does nothing further
 *   Decode(h picture, h pixels) → (uuu) outcome, width, height: only of an instance started with --decode. A
 *                                      caller's picture becomes raw RGB in `pixels`, an empty memfd of the daemon's
 *   Examine(h reference, u width, u height, a(ss) cameras, b software, u view, u challenge, u pace,
 *           i no_match_below, i match_from, u milliseconds) → (uuuuuuiuuu) the members of Findings in their order
 *                                      `cameras`, 1 to CAMERA_CANDIDATES_MAX: node and name of each (CameraCandidate),
 *                                      the best first; with --demo on both sides also recordings, which have no name,
 *                                      and with `software` also cameras that no hardware is behind (without --demo it
 *                                      says nothing). `view` is a
 *                                      CameraView. Thresholds in thousandths tell when more evidence cannot change
 *                                      the answer
 *   Inspect(a(ss) cameras, b software) → (a(ua(uuuu)))
 *                                      instead of Examine(): opens each (as above, without recordings), one after the
 *                                      other and without streaming, and says in the same order how that ended (an
 *                                      Outcome, OUTCOME_EXAMINED if it did well) and the camera's modes, at most
 *                                      CAMERA_MODES_MAX: the members of CameraMode
 *
 * examiner → daemon (signals); anything that is not on this list ends the examiner
 *   Alive()                            every EXAMINER_ALIVE_USEC, from the examiner's main loop
 *   Stage(u)                           a Stage
 *   Prompt(u prompt, u progress)       a Prompt and how much of the evidence is there, 0 to 1000
 */

#define EXAMINER_HELLO 'L'
#define EXAMINER_PATH "/org/likeness/Examiner1"
#define EXAMINER_INTERFACE "org.likeness.Examiner1"
#define EXAMINER_ATTACHED_SIGNATURE "u"
#define EXAMINER_FINDINGS_SIGNATURE "uuuuuuiuuu"
#define EXAMINER_DECODED_SIGNATURE "uuu"
#define EXAMINER_EXAMINE_SIGNATURE "huua(ss)buuuiiu"
#define EXAMINER_INSPECT_SIGNATURE "a(ss)b"
#define EXAMINER_INSPECTED_SIGNATURE "a(ua(uuuu))"

#define EXAMINER_ALIVE_USEC (UINT64_C(250) * 1000)     /* how often an examiner says that it is there */
#define EXAMINER_SILENCE_USEC (UINT64_C(1500) * 1000)  /* how long the daemon waits for any word of it */
#define EXAMINER_ATTACH_SEC 10U                        /* how long one without its lifeline may live */
#define EXAMINER_GONE_USEC (UINT64_C(2000) * 1000)     /* how long an ended examiner may take to be gone */
#define EXAMINER_MESSAGES_PER_SECOND 200U

/* Limits on a caller's picture, checked before anything is allocated. */
#define PICTURE_BYTES_MAX (UINT64_C(8) * 1024 * 1024)
#define PICTURE_PIXELS_MAX (UINT64_C(24) * 1000 * 1000)

/* Decoded pictures are scaled down until the longer side is at most this many pixels: more does not help to find
 * or to match a face, and it bounds the examiner's memory. */
#define PIXELS_SIDE_MAX 1600U

/* How decoding a caller's picture ended. */
typedef enum DecodeOutcome {
        DECODE_DONE,
        DECODE_EMPTY,                  /* no bytes */
        DECODE_TOO_LARGE,              /* more than PICTURE_BYTES_MAX bytes */
        DECODE_TOO_MANY_PIXELS,        /* more than PICTURE_PIXELS_MAX */
        DECODE_UNKNOWN_FORMAT,         /* neither JPEG, PNG nor JPEG 2000 */
        DECODE_DAMAGED,                /* truncated or corrupt */
        DECODE_UNSUPPORTED,            /* one of the formats, in a variant that we do not read (CMYK, say) */
        DECODE_NO_MEMORY,
        _DECODE_MAX,
} DecodeOutcome;
