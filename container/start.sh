#!/bin/sh
# Makes the folders that the app writes, in /data or wherever they were moved to, and starts it.
# The rest of the image may be read-only, and the user any number.
set -eu
# A platform may choose another number for the user each time; the group stays, and shares the volume.
umask 002
# Weights that were baked in (MODEL in the Dockerfile) lie beside those that are fetched.
link() {
    mkdir -p "$2"
    for folder in "$1"/*; do
        if [ -d "$folder" ] && [ ! -e "$2/${folder##*/}" ]; then ln -s "$folder" "$2/"; fi
    done
}
for folder in "$TMPDIR" "$STEERING_CACHE" "$HF_HOME"; do
    if ! mkdir -p "$folder" 2>/dev/null || [ ! -w "$folder" ]; then
        echo "error: user $(id -u) of group $(id -g) cannot write in $folder, which belongs to another" \
            "one; start with that user or group (-u), or with another volume" >&2
        exit 1
    fi
done
link /srv/weights/models "$STEERING_CACHE/models"
link /srv/weights/huggingface/hub "$HF_HOME/hub"
exec "$@"
