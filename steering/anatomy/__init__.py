"""What goes on inside a model before it refuses: measurements of it, without changing it."""
