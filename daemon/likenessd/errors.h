/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The errors of the bus: calls that could not be carried out. A denial is the bus's own AccessDenied. */
#define LIKENESS_ERROR(name) "org.likeness.Verifier1.Error." name

/* The bus's own word for a file with mistakes: the configuration that was to be read. */
#define ERROR_INVALID_FILE "org.freedesktop.DBus.Error.InvalidFileContent"

#define LIKENESS_ERROR_BUSY LIKENESS_ERROR("Busy")
#define LIKENESS_ERROR_NO_CAMERA LIKENESS_ERROR("NoCamera")
#define LIKENESS_ERROR_CAMERA_BUSY LIKENESS_ERROR("CameraBusy")
#define LIKENESS_ERROR_CAMERA_LOST LIKENESS_ERROR("CameraLost")
#define LIKENESS_ERROR_CAMERA_REFUSED LIKENESS_ERROR("CameraRefused")
#define LIKENESS_ERROR_CAMERA_DENIED LIKENESS_ERROR("CameraDenied")
#define LIKENESS_ERROR_CAMERA_FORMAT LIKENESS_ERROR("CameraFormat")
#define LIKENESS_ERROR_CAMERA_SILENT LIKENESS_ERROR("CameraSilent")
#define LIKENESS_ERROR_CAMERA_STUCK LIKENESS_ERROR("CameraStuck")
#define LIKENESS_ERROR_CAMERA_DAMAGED LIKENESS_ERROR("CameraDamaged")
#define LIKENESS_ERROR_CAMERA_FROZEN LIKENESS_ERROR("CameraFrozen")
#define LIKENESS_ERROR_CAMERA_COVERED LIKENESS_ERROR("CameraCovered")
#define LIKENESS_ERROR_BAD_REQUEST LIKENESS_ERROR("BadRequest")
#define LIKENESS_ERROR_BAD_REFERENCE LIKENESS_ERROR("BadReference")
#define LIKENESS_ERROR_UNAVAILABLE LIKENESS_ERROR("Unavailable")
#define LIKENESS_ERROR_RATE_LIMITED LIKENESS_ERROR("RateLimited")
#define LIKENESS_ERROR_CANCELLED LIKENESS_ERROR("Cancelled")
