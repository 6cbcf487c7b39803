"""The tab of visitors' own contrasts."""
