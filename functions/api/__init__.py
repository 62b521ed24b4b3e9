"""The api function."""

import sys

# FastAPI asks of every model whether it is one of pydantic 1, and loads all of pydantic 1 to find out: a twentieth
# of a cold start. None of ours is, and a module that is None is one that cannot be imported.
sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]
