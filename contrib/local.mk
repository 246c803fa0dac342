# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += .ci/run contrib/check contrib/packages.sh
