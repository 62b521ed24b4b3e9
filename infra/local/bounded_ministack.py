"""MiniStack with as many functions at work for executions as this machine has room for.

AWS keeps a thousand environments for an account, and lets tasks try again when they are used up. MiniStack starts a
process for every task at once, and a few hundred jobs would be as many Python processes: here they take turns.
"""

import threading
from functools import wraps
from typing import Any

from ministack import app
from ministack.services import stepfunctions

from infra.local.emulator import TASKS_AT_ONCE


def main() -> None:
    """Serve until a signal comes."""
    turns = threading.BoundedSemaphore(TASKS_AT_ONCE)
    call = stepfunctions._call_lambda  # noqa: SLF001  it has no setting for this

    @wraps(call)
    def in_turn(function: str, event: Any) -> Any:
        with turns:
            return call(function, event)

    stepfunctions._call_lambda = in_turn  # noqa: SLF001
    app.main()


if __name__ == "__main__":
    main()
