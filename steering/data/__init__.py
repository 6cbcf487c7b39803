"""Requests and prose: the project's own sets, other people's files, and what a text may hold."""
