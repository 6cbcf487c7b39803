"""Find the directions that carry refusal in a chat model, and steer along them, live."""

from steering.system import cache_folders

cache_folders.prepare()  # before any package is imported that looks for its folder then
