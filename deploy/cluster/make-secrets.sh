#!/bin/sh
# Makes what the services of compose.yaml trust each other by, in secrets/: a CA, the certificates of PostgreSQL
# and NATS, and their passwords. It changes nothing that is there, so it can run again.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

[ -e ca.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -sha256 \
    -subj "/CN=Parlour backend CA" -addext "basicConstraints=critical,CA:TRUE,pathlen:0" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout ca.key -out ca.pem 2>/dev/null

for name in postgres nats; do
    [ -e "$name.key" ] && continue
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -subj "/CN=$name" \
        -addext "subjectAltName=DNS:$name" -addext "extendedKeyUsage=serverAuth" \
        -keyout "$name.key" -out "$name.csr" 2>/dev/null
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -days 825 -sha256 -copy_extensions copy \
        -out "$name.pem" 2>/dev/null
    rm "$name.csr"
done

[ -e postgres.password ] || openssl rand -hex 32 > postgres.password
if [ ! -e nats.credentials ]; then
    password=$(openssl rand -hex 32)
    printf 'parlour:%s\n' "$password" > nats.credentials
    printf 'authorization {\n  user: parlour\n  password: "%s"\n}\n' "$password" > nats-users.conf
fi
echo "secrets/ is complete. Keep ca.key somewhere else: only new certificates need it."
