"""Programs in a pseudo-terminal, as a user runs them."""

import signal


def heed_interrupts() -> None:
    """Restores the default handler of Ctrl-C, which processes in the background ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
