"""What an answer does, judged by rules on its text alone; no torch."""
