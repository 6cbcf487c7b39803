"""The cards: one a panel, with its settings and its answer."""
