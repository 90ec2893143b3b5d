"""Unknown keys from one address: told to wait once there were many, so that guessing is slow.

Only unknown keys are ever refused by this: whoever shares an address with a guesser and has a live
key is served as always.
"""

from django.core.cache import cache

MOST = 60
PER_SECONDS = 60


def too_many(address: str) -> bool:
    """Count an unknown key, and whether there were too many from this address within the minute."""
    name = f"key-failures:{address}"
    cache.add(name, 0, PER_SECONDS)
    try:
        return cache.incr(name) > MOST
    except ValueError:  # it expired between the two
        return False
