"""How a function that callers wait for starts."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Import within this what lives as long as the process.

    The collector would look through it for garbage again and again while it grows, an eighth of the start, and once
    more with each collection of all objects later.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
