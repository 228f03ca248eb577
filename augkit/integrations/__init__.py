"""Noise inside the pipelines of other frameworks, each module imported on demand only."""
