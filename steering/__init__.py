"""Find the directions that carry refusal in a chat model, and steer along them, live."""
