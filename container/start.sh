#!/bin/sh
# Makes the folders that the app writes, in /data or wherever they were moved to, and starts it.
# The rest of the image may be read-only, and the user any number.
set -eu
# Weights that were baked in (MODEL in the Dockerfile) lie beside those that are fetched.
link() {
    mkdir -p "$2"
    for folder in "$1"/*; do
        if [ -d "$folder" ] && [ ! -e "$2/${folder##*/}" ]; then ln -s "$folder" "$2/"; fi
    done
}
mkdir -p "$TMPDIR"
link /srv/weights/models "$STEERING_CACHE/models"
link /srv/weights/huggingface/hub "$HF_HOME/hub"
exec "$@"
