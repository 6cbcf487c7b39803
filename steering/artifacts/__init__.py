"""What is kept of a model on disk: artifacts, resumable stages, exports, recordings."""
