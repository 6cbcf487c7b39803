"""The tab *Anatomy*: where in the model, and along what, a refusal comes about."""
