# SPDX-License-Identifier: Apache-2.0
"""Where the recordings and portraits are, for the tests on a private bus and for those of an installed terminal: both have
a module `harness`, which is why what they share imports neither."""

import os


def data(name):
    return f"{os.environ['LIKENESS_DATA']}/camera/{name}"
