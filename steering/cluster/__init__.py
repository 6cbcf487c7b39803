"""More than one process: work that Ray shares."""
