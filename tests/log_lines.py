"""Captures the log lines and metrics of functions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from shared.observability import logger


@dataclass
class Written:
    """The captured output, available after the block. A line that is no JSON object raises an error."""

    text: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)

    def values(self, metric: str) -> list[float]:
        """Returns the values of a metric in the order of writing."""
        found: list[float] = []
        for line in self.lines:
            value = line.get(metric, [])
            found += value if isinstance(value, list) else [value]
        return found

    @property
    def metrics(self) -> set[tuple[str, str, str]]:
        """Returns namespace, function and name of every metric."""
        return {
            (directive["Namespace"], line["service"], metric["Name"])
            for line in self.lines
            if "_aws" in line
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
            if directive["Dimensions"] == [["service"]]
        }


@contextmanager
def written() -> Iterator[Written]:
    """Captures logs and metrics of handlers while the block runs."""
    result, buffer = Written(), StringIO()
    before = logger.registered_handler.setStream(buffer)  # type: ignore[attr-defined]
    try:
        with redirect_stdout(buffer):
            yield result
    finally:
        logger.registered_handler.setStream(before)  # type: ignore[attr-defined]
    result.text = buffer.getvalue()
    result.lines = [json.loads(line) for line in result.text.splitlines()]
