"""The map: where the visitor's request lands."""
