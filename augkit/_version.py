"""The version of augkit."""

__version__ = "0.1.0"
