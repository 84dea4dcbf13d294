#!/bin/sh
# Beside each Debian package in a folder: what it is made of (.sbom.json), and SHA256SUMS of both, signed with KEY where one
# is given (SHA256SUMS.asc).
#
#   scripts/release.sh FOLDER [KEY]        KEY as gpg --local-user takes it
set -eu
sbom=$(dirname "$(realpath "$0")")/sbom.py
cd "$1"
for package in ridecast_*.deb; do
    "$sbom" "$package" >"${package%.deb}.sbom.json"
done
sha256sum ridecast_*.deb ridecast_*.sbom.json >SHA256SUMS
rm -f SHA256SUMS.asc
[ -z "${2:-}" ] || gpg --batch --yes --local-user "$2" --armor --detach-sign SHA256SUMS
