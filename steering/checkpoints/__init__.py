"""What a folder or file of a model holds, before torch opens it."""
