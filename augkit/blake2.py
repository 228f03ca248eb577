"""BLAKE2b (RFC 7693) by itself: `hashlib` has the same, and loads OpenSSL for its other hashes first."""

try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

__all__ = ["blake2b"]
