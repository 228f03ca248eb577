"""Tar shards of WebDataset: one tar is one unit of work, and noise goes onto the members of a domain within it."""
