/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts of the sandbox of examiners and decoders that they look for themselves before they work. Travels as a
 * number: a part is added at the end. */
typedef enum SandboxPart {
        SANDBOX_WHOLE,                 /* nothing is missing */
        SANDBOX_USER,                  /* not root */
        SANDBOX_CAPABILITIES,          /* none, in any set */
        SANDBOX_NEW_PRIVILEGES,        /* none can be gained */
        SANDBOX_SYSTEM_CALLS,          /* a filter is in force */
        SANDBOX_NAMESPACES,            /* none can be made */
        SANDBOX_WRITE_EXECUTE,         /* no memory is both, or becomes executable */
        SANDBOX_NETWORK,               /* no socket of a network, or to the kernel */
        SANDBOX_BUS,                   /* neither D-Bus, nor the service manager, nor the journal can be reached */
        SANDBOX_FILES,                 /* no place can be written to */
        SANDBOX_OUTPUT,                /* standard input, output and error are /dev/null */
        SANDBOX_DUMP,                  /* no core dump, no debugger */
        SANDBOX_SWAP,                  /* memory is not written to disk */
        SANDBOX_TASKS,                 /* few processes and threads */
        SANDBOX_PROCESSES,             /* no other process can be seen */
        SANDBOX_DEVICES,               /* cameras at most */
        _SANDBOX_PART_MAX,
} SandboxPart;

/* What a process without this part is, in words for the log: a static string. NULL for SANDBOX_WHOLE and for what is no
 * part. */
const char *sandbox_part_message(SandboxPart part);
