#!/bin/sh
# A backup at the start and every day after, in $BACKUPS; the last $BACKUPS_KEPT stay.
set -eu
folder="${BACKUPS:-/backups}"
while :; do
    .venv/switchboard/bin/python -m cli backup "$folder/$(date -u +%Y%m%dT%H%M%S).backup"
    ls "$folder"/*.backup | sort -r | tail -n "+$((${BACKUPS_KEPT:-14} + 1))" | xargs -r rm --
    sleep "${BACKUP_SECONDS:-86400}" &
    wait $!
done
