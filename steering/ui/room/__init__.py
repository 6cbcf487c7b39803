"""The room: what a presenter shows on every screen, and what the room tries."""
