"""The paper's comparison on a set of prompts: answers, costs, landings, claims, report."""
