"""Find the directions that carry refusal in a chat model, and steer along them, live."""

from steering import caches

caches.prepare()  # before any package is imported that looks for its folder then
