"""Chat models that judge answers, in memory or behind an address."""
