/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One id for each thing that an administrator must act on or wants to search for: journalctl MESSAGE_ID=…, and
 * journalctl -x explains it. The explanations are in journal/likeness.catalog. */

#define MESSAGE_LOG_LOST              "2bfc3d3fd21841daae12a1cb2dad4463" /* journald took nothing for a while */
#define MESSAGE_READY                 "0f5a173d411046bb81fb6f92407bd1df" /* the service can be called */
#define MESSAGE_DEMO                  "a8cdbe418b6f47989af1857a84dc4c0d" /* --demo was given */
#define MESSAGE_BUS_LOST              "ef1380ea61314535abd6345809f29903" /* the system bus went away */
#define MESSAGE_NAME_REFUSED          "2782f32658ee42818f54c5ffd065f6d5" /* org.likeness.Verifier1 cannot be owned */
#define MESSAGE_NO_KEY                "e25e55a4a117494799616d96bb238bf7" /* no key from likeness-keyring */
#define MESSAGE_KEY_NEW               "6017ad10b3494c5ea2fd4c5cc1444586" /* the first key of a ledger */
#define MESSAGE_KEY_CHANGED           "6e6df9ecdf9a42e19ed585b446fe7958" /* another key signs from here on */
#define MESSAGE_KEY_CHANGE_FAILED     "08e9eb198e1743ff9df6d9fad48b8c88" /* the old key stays */
#define MESSAGE_KEY_CHANGE_UNFINISHED "3b9e53260d1842b6b58100669504f814" /* a rotation was interrupted */
#define MESSAGE_LEDGER_FAILED         "667ce30d8def48c2a7f7fd9751f7dab0" /* the ledger cannot be written */
#define MESSAGE_LEDGER_UNUSABLE       "f5ff8d9b671042e49080c642fb1014ba" /* the ledger cannot be opened */
#define MESSAGE_LEDGER_ALTERED        "5bd4de124d644337bd314f705a52db57" /* the ledger does not agree with itself */
#define MESSAGE_LEDGER_OTHER_NAME     "00d9b59c1b2845c3a8f24cf4d15e12eb" /* the terminal was given another name */
#define MESSAGE_LEDGER_REPAIRED       "9e8fc7e15deb468fad1568bcf38939c7" /* an unfinished entry was cut off */
#define MESSAGE_LEDGER_DROPPED        "248f45b0d06547c1b906c55538c40e57" /* as KeepDays= says */
#define MESSAGE_LEDGER_NOT_DROPPED    "506a5f04570f49af92db719837453b30" /* a file cannot be deleted */
#define MESSAGE_CHECK_INTERRUPTED     "165aad7d1a754c909e8e44d139de24f0" /* closed at the start */
#define MESSAGE_CONFIGURATION_TAKEN   "ff6cf1aa85c94ebc8a9cb63c997faa3c" /* a reload took effect */
#define MESSAGE_CONFIGURATION_REFUSED "da1736ec36084249a020c7201122f729" /* at the start or at a reload */
#define MESSAGE_CONFIGURATION_UNKNOWN "a05f58cf8ec54400913d206d1d4ffb10" /* a key that is not known */
#define MESSAGE_CHECK_OPENED          "7a9434ab860d4ee4977c24a72cfa4d37" /* an opening entry is on disk */
#define MESSAGE_CHECK_CLOSED          "23fe5ca9f6f34f4c948323296988f3ff" /* a closing entry is on disk */
#define MESSAGE_CAMERA_NONE           "e06f57535c33480d8c89467bec236f1d" /* no camera */
#define MESSAGE_CAMERA_BUSY           "707b73822a8f46bd81978053910ce590" /* another program has it */
#define MESSAGE_CAMERA_DENIED         "4f1edb629bca4ad6999279724701144e" /* it may not be opened */
#define MESSAGE_CAMERA_REFUSED        "8d98c0639a8d4de1987c188f6c4f36a4" /* not one that is accepted */
#define MESSAGE_CAMERA_FORMAT         "fc5c765e2ba74f448d7d25e383c99fc3" /* no usable format */
#define MESSAGE_CAMERA_SILENT         "f5b8503f10dd4b51b73f099087229495" /* no picture comes */
#define MESSAGE_CAMERA_LOST           "547eb13be7b14a3984eeb0955b742f68" /* it went away during a check */
#define MESSAGE_CAMERA_CHANGED        "8a8fdfc0396544c898d173cfc53d44e2" /* cameras changed during a check */
#define MESSAGE_CAMERA_STUCK          "8f3be399b76e45f3b4dc47ccec7099b8" /* its driver does not answer */
#define MESSAGE_CAMERA_DAMAGED        "4b5a91a9d5b1460cad60af35142ad62e" /* no picture can be decoded */
#define MESSAGE_CAMERA_SIZE           "4ca7ea720d274a33bc95896b915facad" /* pictures of another size */
#define MESSAGE_CAMERA_FROZEN         "1ad8973a8df540fba2076fc316850f0f" /* always the same picture */
#define MESSAGE_CAMERA_COVERED        "2c794fb949f1432a9153847950420d1c" /* something is in front of its lens */
#define MESSAGE_MODELS_UNUSABLE       "384a915cdb544593a3782b1d5dd78c9d" /* a model or the manifest */
#define MESSAGE_SANDBOX_MISSING       "37744019bf114767bcb2d10324f6267a" /* the examiner is not confined */
#define MESSAGE_EXAMINER_FAILED       "8918aaee93d942e3a3558f96f5b794db" /* it died or broke the protocol */
#define MESSAGE_DECODER_FAILED        "7be08b7bf089441cbb543ea2ea469890" /* the same of a caller's picture */
#define MESSAGE_EXAMINER_STUCK        "fec8869d7d4845d6a46537f1379aaf36" /* it does not end */
#define MESSAGE_EXAMINER_UNWATCHED    "37cc55f3adc74fcb849005693c021547" /* it is not in its control group */
#define MESSAGE_EXAMINER_GONE         "6c54a3d4c99c4059bfb83e5254c5da2f" /* the stuck one is gone */
#define MESSAGE_CHECK_FAILED          "e5f04bdbb5554d528f0a416e1f9cfb60" /* for a reason inside of the service */
#define MESSAGE_RATE_LIMITED          "4a85ae7e666447488eadaabfb0fa825b" /* too many checks within an hour */
#define MESSAGE_CALLS_REFUSED         "f71d4eb4df654cd79357ce133931e3ca" /* one user has too many calls under way */
#define MESSAGE_POLKIT_MISSING        "4063ab7bd30f4f6f8e593ee3c178aab2" /* polkit does not decide */
#define MESSAGE_PROBLEM_OVER          "d0f759d2514545049c0d43f8f42f89f9" /* what a message before said is over */
#define MESSAGE_CLOCK_UNSYNCHRONISED  "cdbcf3027f58448bbf53ef780f90e010" /* nobody keeps the clock right */
#define MESSAGE_DISK_LOW              "3eccbcff6d53406a8e09e9ac84d5d74c" /* little space for the ledger */
#define MESSAGE_KEYRING_FAILED        "dc2d7be5673841c88dcb7d045ff2e2ea" /* likeness-keyring's */
#define MESSAGE_RECEIPT               "6f0c51f9b1d24c0e9a6c3b7f2d8e4a15" /* likeness-courier's copies */
#define MESSAGE_COURIER_NO_JOURNAL    "f82eb2c4b13d4bec84143aa72461671a" /* the namespace's journald takes nothing */
#define MESSAGE_COURIER_NO_LEDGER     "efaf7c545d1c4720992ffb77d182f9eb" /* it cannot be read */
#define MESSAGE_COURIER_GAP           "c3510cf40e054f8cb9d2f077a73ed019" /* entries are not there */
