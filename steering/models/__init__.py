"""A loaded chat model: its blocks, its number format, its forward passes."""
