"""The typed environment of a function, read once from a mapping and refused when it is wrong."""

import os
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

NonEmpty = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class SettingsError(Exception):
    """The environment lacks a variable or has one that cannot be used. Names the variables, never their values."""


class Settings(BaseModel):
    """Base of every function's settings: `table_name` is the variable `TABLE_NAME`; other variables are ignored."""

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
        """The settings in `env`, or in the process's environment. Raises `SettingsError`."""
        source = os.environ if env is None else env
        try:
            return cls.model_validate(dict(source))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'environment'}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False, include_context=False)
            )
            # Not chained: pydantic's own error could carry a value into a log.
            raise SettingsError(f"{cls.__name__} cannot be read from the environment: {faults}") from None
