#!/bin/sh
# Run by the service `init` as root before the nodes: makes the data folder of the cluster once, and a copy of it
# for each node, so that all have the same keys. Uploaded files are in one folder that all nodes share.
set -eu
umask 077
name=$1
shift
as_parlour() {
    su -s /bin/sh -c 'exec parlour-server "$@"' -- parlour sh "$@"  # busybox's su, which takes options up to --
}

chown parlour:parlour /data
install -d -o parlour -g parlour -m 0700 /data/operator /data/files
install -o parlour -g parlour -m 0600 /secrets/postgres.password /secrets/nats.credentials /data/operator/
[ -e /data/operator/files ] || ln -s ../files /data/operator/files
chown -h parlour:parlour /data/operator/files
install -o parlour -g parlour -m 0600 /secrets/ca.pem /data/operator/backend-ca.pem

# safe to repeat: it makes what is missing, and never other keys
as_parlour init --data /data/operator --name "$name" \
    --database "postgresql://parlour@postgres/parlour?sslmode=verify-full&sslrootcert=/data/operator/backend-ca.pem" \
    --database-password-file /data/operator/postgres.password \
    --bus tls://nats:4222 --bus-credentials-file /data/operator/nats.credentials
as_parlour migrate --data /data/operator

for node in "$@"; do
    [ -e "/data/$node/server.key" ] && continue
    rm -rf "/data/$node.new" "/data/$node"
    cp -a /data/operator "/data/$node.new"
    mv "/data/$node.new" "/data/$node"  # whole, or not at all
done
