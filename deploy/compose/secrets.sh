#!/bin/sh
# Makes the passwords that are not there yet: 256 random bits each, in volumes that their services alone mount.
# What is there is left as it is: docker compose starts this before everything else.
set -eu
folder=$1
make() {
    [ ! -s "$1" ] || return 0
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$1.new"
    # The services read it under accounts of their own.
    chmod 0444 "$1.new"
    mv "$1.new" "$1"
}
make "$folder/shoebox/shoebox_database_password"
make "$folder/shoebox/shoebox_redis_password"
make "$folder/grafana/admin_password"
