"""Folder runs: plan, make the outputs in workers, commit them durably, and write the manifest."""
