"""The context that Lambda passes to a handler with the event."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvocationContext:
    """The fields of the context that handlers read."""

    function_name: str = "function"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:123456789012:function:function"
    aws_request_id: str = "5b1f5c8e-2a52-4d53-9a3f-3d2f6d1f0a11"

    def get_remaining_time_in_millis(self) -> int:
        """Returns the time that is left, here always five minutes."""
        return 300_000
