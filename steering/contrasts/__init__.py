"""A contrast of the user's own: two lists of texts, what tells them apart, and how well."""
