"""Typed environment of a function, validated once."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

NonEmpty = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class SettingsError(Exception):
    """A variable is missing or invalid. The message names variables, never their values."""


class Settings(BaseModel):
    """Base of the settings of functions: `table_name` is the variable `TABLE_NAME`. Other variables are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=str.upper,
        validate_by_alias=True,
        validate_by_name=False,
        hide_input_in_errors=True,
    )

    @classmethod
    def from_environment(cls, env: Mapping[str, str] | None = None) -> Self:
        """Returns the settings in `env`, by default the environment of the process. Raises `SettingsError`."""
        source = os.environ if env is None else env
        try:
            return cls.model_validate(dict(source))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'environment'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False, include_context=False)
            )
            # Not chained: pydantic's own error could carry a value into a log.
            raise SettingsError(f"{cls.__name__} cannot be read from the environment: {problems}") from None
