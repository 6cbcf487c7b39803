"""Fits directions everywhere, and chooses where they are taken and how sliders start."""
