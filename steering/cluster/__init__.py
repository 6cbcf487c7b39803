"""More than one process: work that Ray shares, and Ray Serve behind the page."""
