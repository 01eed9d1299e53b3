# SPDX-License-Identifier: Apache-2.0
#
# Friendly words for what meson does.

BUILD ?= build
export BUILD

.PHONY: help build demo check check-system check-machine bench deb rpm install-packages clean

help:
	@echo "make build             build Likeness in $(BUILD)/"
	@echo "make demo              show four verifications with recordings, or with your camera"
	@echo "make check             build, also with sanitizers, and run all tests"
	@echo "make check-system      install the package in a container with systemd and test it there (root)"
	@echo "make check-machine     boot it in a virtual machine with cameras of the kernel's and test it there (root)"
	@echo "make bench             measure: JSON lines on standard output"
	@echo "make deb               build the Debian package in $(BUILD)/deb/"
	@echo "make rpm               build the RPM package in $(BUILD)/rpm/"
	@echo "make install-packages  install the Debian packages that all this needs"
	@echo "make clean             remove the build directories"

install-packages:
	@tools/install-packages

build: install-packages
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) >&2
	@ninja -C $(BUILD) --quiet >&2

demo: build
	@tools/demo $(BUILD)

check: install-packages
	@tools/check

check-system: build
	@tools/check-system

check-machine: build
	@tools/check-machine

bench: build
	@tests/bench/bench.py $(BUILD)
	@tests/bench/bench-camera.py $(BUILD)
	@tests/bench/bench-vanish.py $(BUILD)
	@$(BUILD)/tests/bench/bench-ledger $(BUILD) 50000
	@tests/bench/bench-fleet.py $(BUILD) .
	@tools/check-system --bench

deb: install-packages
	@tools/make-deb

rpm: install-packages
	@tools/make-rpm

clean:
	rm -rf $(BUILD) build-sanitize
