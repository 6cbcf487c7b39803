"""From a request to token ids: chat templates, control tokens, thinking."""
