#!/bin/sh
# Makes the folders that the app writes, in /data or wherever they were moved to, and starts it.
# The rest of the image may be read-only, and the user any number.
set -eu
mkdir -p "$TMPDIR" "$STEERING_CACHE/models"
# Weights that were baked in, beside those that are fetched; see MODEL in the Dockerfile.
for weights in /srv/weights/models/*; do
    if [ -d "$weights" ] && [ ! -e "$STEERING_CACHE/models/${weights##*/}" ]; then
        ln -s "$weights" "$STEERING_CACHE/models/"
    fi
done
exec "$@"
