"""A certificate for 127.0.0.1, as the benchmark makes it, too."""

from infra.local.certificate import for_loopback

__all__ = ["for_loopback"]
