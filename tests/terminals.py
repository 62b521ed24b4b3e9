"""Programs in a pseudo-terminal, as somebody sits before them."""

import signal


def heed_interrupts() -> None:
    """Have Ctrl-C interrupt the program that is about to start: tests run in the background are deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
