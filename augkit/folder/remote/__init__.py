"""Runs whose SRC or DST is a URL: a worker fetches what a task needs, makes its outputs, and sends them when complete.

Nothing here is imported by a run over local folders, but for `augkit.folder.remote.urls`, which loads nothing.
"""
