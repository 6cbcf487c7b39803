"""Directions that other programs found."""
