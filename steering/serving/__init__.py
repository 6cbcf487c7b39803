"""What the visitors of one process share: the loaded model, the line, the address."""
