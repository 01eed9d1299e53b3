/* SPDX-License-Identifier: Apache-2.0 */

#include "sandbox-part.h"

#include <stddef.h>

#define NOT_CONFINED "it is not confined as its unit declares: "

const char *sandbox_part_message(SandboxPart part) {
        static const char *const messages[_SANDBOX_PART_MAX] = {
                [SANDBOX_USER] = NOT_CONFINED "it is root (User=)",
                [SANDBOX_CAPABILITIES] = NOT_CONFINED "it has capabilities (CapabilityBoundingSet=)",
                [SANDBOX_NEW_PRIVILEGES] = NOT_CONFINED "it could gain privileges (NoNewPrivileges=)",
                [SANDBOX_SYSTEM_CALLS] = NOT_CONFINED "no filter of system calls (SystemCallFilter=)",
                [SANDBOX_NAMESPACES] = NOT_CONFINED "it could make namespaces (SystemCallFilter=, RestrictNamespaces=)",
                [SANDBOX_WRITE_EXECUTE] = NOT_CONFINED "memory can be written and executed (MemoryDenyWriteExecute=)",
                [SANDBOX_NETWORK] = NOT_CONFINED "sockets of a network can be made (RestrictAddressFamilies=)",
                [SANDBOX_BUS] = NOT_CONFINED "the bus, systemd or the journal can be reached "
                                             "(RestrictAddressFamilies=, TemporaryFileSystem=)",
                [SANDBOX_FILES] = NOT_CONFINED "files can be written (ReadOnlyPaths=, TemporaryFileSystem=)",
                [SANDBOX_OUTPUT] = NOT_CONFINED "its output goes somewhere (StandardOutput=, StandardError=)",
                [SANDBOX_DUMP] = NOT_CONFINED "its memory could be dumped (LimitCORE=)",
                [SANDBOX_SWAP] = NOT_CONFINED "its memory could be swapped out (MemorySwapMax=)",
                [SANDBOX_TASKS] = NOT_CONFINED "it could start any number of processes (LimitNPROC=)",
                [SANDBOX_PROCESSES] = NOT_CONFINED "it sees other processes (ProtectProc=)",
                [SANDBOX_DEVICES] = NOT_CONFINED "it can open devices that are no cameras (DevicePolicy=)",
        };

        return (unsigned) part < _SANDBOX_PART_MAX ? messages[part] : NULL;
}
