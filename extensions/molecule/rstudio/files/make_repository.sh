#!/bin/sh
# Copyright (c) 2026, The labfleet.identity developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# A repository of one package, as small as apt takes it, and the keys of a mirror and of somebody else.
set -eu
cd /srv/mirror
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
for name in mirror intruder; do
    gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key "${name}" ed25519 sign never
done
gpg --armor --export mirror >mirror.asc
gpg --armor --export mirror intruder >two_keys.asc
gpg --with-colons --list-keys mirror | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p' | tr -d '\n' >fingerprint
{
    dpkg-deb --field 2.deb
    printf 'Filename: ./2.deb\nSize: %s\nSHA256: %s\n' "$(stat --format=%s 2.deb)" "$(sha256sum 2.deb | cut -d' ' -f1)"
} >Packages
{
    printf 'Origin: lab\nSuite: stable\nDate: %s\nSHA256:\n' "$(date --utc --rfc-email)"
    printf ' %s %s Packages\n' "$(sha256sum Packages | cut -d' ' -f1)" "$(stat --format=%s Packages)"
} >Release
gpg --batch --quiet --local-user mirror --clearsign --output InRelease Release
rm -rf "${GNUPGHOME}"
