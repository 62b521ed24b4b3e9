"""Context values read as types. The command line gives every one as text, cdk.json gives JSON."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_FLAGS = {True: True, False: False, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Values:
    """Named values; each reader raises ValueError with what the value should be."""

    given: Mapping[str, Any]

    def text(self, name: str, pattern: re.Pattern[str] | None = None, wanted: str = "") -> str | None:
        """A text, or None where there is none."""
        value = self.given.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
            raise ValueError(f"the context {name} is {value!r}: it has to be {wanted or 'a text'}")
        return value

    def required(self, name: str, pattern: re.Pattern[str], wanted: str) -> str:
        """A text that has to be there."""
        value = self.text(name, pattern, wanted)
        if value is None:
            raise ValueError(f"the context {name} is missing: it has to be {wanted}")
        return value

    def texts(self, name: str, pattern: re.Pattern[str], wanted: str) -> tuple[str, ...]:
        """Texts, as a list or with commas between them."""
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
        """True or false."""
        value = self.given.get(name, default)
        if not isinstance(value, (bool, str)) or value not in _FLAGS:
            raise ValueError(f"the context {name} is {value!r}: it has to be true or false")
        return _FLAGS[value]

    def number(self, name: str, default: int, *, least: int = 1, most: int) -> int:
        """A whole number within bounds."""
        value = self.given.get(name, default)
        text = str(value)
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,15}", text) or not least <= int(text) <= most:
            raise ValueError(f"the context {name} is {value!r}: it has to be a whole number from {least:,} to {most:,}")
        return int(text)

    def choice(self, name: str, default: int, choices: Sequence[int]) -> int:
        """One of a few numbers."""
        number = self.number(name, default, most=max(choices))
        if number not in choices:
            raise ValueError(f"the context {name} is {number}: choose one of {', '.join(map(str, choices))}")
        return number

    def all_or_none(self, what: str, *names: str) -> bool:
        """Whether values that only make sense together are there."""
        missing = [name for name in names if not self.given.get(name)]
        if len(missing) == len(names):
            return False
        if missing:
            raise ValueError(f"{what} needs the context values {', '.join(missing)} too")
        return True
