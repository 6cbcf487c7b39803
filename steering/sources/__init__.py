"""Where weights come from: catalog, hub, GGUF files, and what is kept of them."""
