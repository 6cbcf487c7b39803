"""Dose and response: grids of edits, measured."""
