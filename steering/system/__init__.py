"""The machine under the app: folders, disk, terminal, progress, strict JSON."""
