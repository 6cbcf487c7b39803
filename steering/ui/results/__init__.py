"""The tab *Results*."""
