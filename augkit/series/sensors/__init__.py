"""Sensor models: the errors that data sheets tell of, from the intervals between rows."""
