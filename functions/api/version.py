"""Which version of the service this is: the one of pyproject.toml, which is not shipped with a function."""

VERSION = "0.1.0"
