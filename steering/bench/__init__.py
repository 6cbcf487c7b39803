"""How fast this machine is: ratios of things that are timed in turn, in one run."""
