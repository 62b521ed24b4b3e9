"""What is known of a job from outside the system."""

from dataclasses import dataclass, field

from shared.jobs.uploads import ArrivedObject


@dataclass
class ObservedJob:
    """The last numbers that callers saw of a job, and the state it must have."""

    event: ArrivedObject
    chunks: int
    failed_rows: dict[int, int]
    status: str = "pending"
    numbers: tuple[float, ...] = (0, 0, 0, 0, 0)
    is_deleted: bool = False
    committed: set[int] = field(default_factory=set)
