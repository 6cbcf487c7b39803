"""A model at work: activations, generated answers, and what is measured on them."""
