#!/bin/sh
# Makes a certificate for development, cert.pem and key.pem, signed by itself: clients must be told to trust it.
#
#   certificate.sh FOLDER [NAME…]      names default to localhost
set -eu
[ $# -gt 0 ] || { echo "usage: $0 FOLDER [NAME…]" >&2; exit 2; }
folder=$1
shift
[ $# -gt 0 ] || set -- localhost
names=IP:127.0.0.1,IP:::1
for name in "$@"; do
    names=$names,DNS:$name
done
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=$1" \
    -addext "subjectAltName=$names" -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
echo "$folder/cert.pem and $folder/key.pem, for $* until $(openssl x509 -in "$folder/cert.pem" -noout -enddate | cut -d= -f2)"
