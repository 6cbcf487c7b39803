"""The tab *Dose and response*."""
