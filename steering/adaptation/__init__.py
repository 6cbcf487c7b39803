"""Directions and maps on the machine at hand: drift, refit, quick fit, transfer."""
