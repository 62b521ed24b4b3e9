"""`python -m tests.tools.commit_subject FILE`: checks the first line of a commit message, as a commit-msg hook."""

import re
import sys
from pathlib import Path
from typing import Final

LONGEST: Final = 72
_SUBJECT: Final = re.compile(r"[a-z0-9][a-z0-9,/_ -]*: \S.*")


def problem(subject: str) -> str | None:
    """Returns why a subject breaks the rule `area: imperative summary`, or None when it keeps it."""
    if subject.startswith(("Merge ", "Revert ", "fixup! ", "squash! ")):
        return None
    if len(subject) > LONGEST:
        return f"The subject has {len(subject)} characters; use at most {LONGEST}."
    if not _SUBJECT.fullmatch(subject):
        return "Write the subject as `area: imperative summary`, for example `api: reject unknown query parameters`."
    return None


def main(path: str) -> int:
    """Prints what is wrong with the message in the file; returns 1 when there is something, else 0."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if found := problem(lines[0] if lines else ""):
        print(found, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
