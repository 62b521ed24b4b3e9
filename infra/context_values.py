"""Typed access to CDK context values, which are text on the command line and JSON in cdk.json."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_FLAGS = {True: True, False: False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Values:
    """Context values by name. Each method raises ValueError, with the expected form, for an invalid value."""

    given: Mapping[str, Any]

    def text(self, name: str, pattern: re.Pattern[str] | None = None, wanted: str = "") -> str | None:
        """Returns a string, or None if there is no value."""
        value = self.given.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
            raise ValueError(f"the context {name} is {value!r}: it has to be {wanted or 'a text'}")
        return value

    def required(self, name: str, pattern: re.Pattern[str], wanted: str) -> str:
        """Returns a string; raises ValueError if there is no value."""
        value = self.text(name, pattern, wanted)
        if value is None:
            raise ValueError(f"the context {name} is missing: it has to be {wanted}")
        return value

    def texts(self, name: str, pattern: re.Pattern[str], wanted: str) -> tuple[str, ...]:
        """Returns strings, from a list or from comma-separated text."""
        value = self.given.get(name)
        if value is None:
            return ()
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, Sequence) or not all(
            isinstance(part, str) and pattern.fullmatch(part.strip()) for part in parts
        ):
            raise ValueError(f"the context {name} is {value!r}: it has to be {wanted}")
        return tuple(part.strip() for part in parts)

    def flag(self, name: str, *, default: bool) -> bool:
        """Returns a boolean."""
        value = self.given.get(name, default)
        if not isinstance(value, (bool, str)) or value not in _FLAGS:
            raise ValueError(f"the context {name} is {value!r}: it has to be true or false")
        return _FLAGS[value]

    def number(self, name: str, default: int, *, least: int = 1, most: int) -> int:
        """Returns a whole number from `least` to `most`, both inclusive."""
        value = self.given.get(name, default)
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(f"the context {name} is {value!r}: it has to be a whole number from {least:,} to {most:,}")
        return int(text)

    def choice(self, name: str, default: int, choices: Sequence[int]) -> int:
        """Returns a number that is one of `choices`."""
        number = self.number(name, default, most=max(choices))
        if number not in choices:
            raise ValueError(f"the context {name} is {number}: choose one of {', '.join(map(str, choices))}")
        return number

    def all_or_none(self, what: str, *names: str) -> bool:
        """Returns whether all of the values are set; raises ValueError if only some are."""
        missing = [name for name in names if not self.given.get(name)]
        if len(missing) == len(names):
            return False
        if missing:
            raise ValueError(f"{what} needs the context values {', '.join(missing)} too")
        return True
