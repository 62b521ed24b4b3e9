"""Words and phrases that the style of this project avoids, since the field has a word for what they mean.

They are counted in Python, JavaScript and Markdown: in comments, docstrings, strings and names alike.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

FOLDERS: Final = ("functions", "infra", "shared", "tests")
SUFFIXES: Final = frozenset({".py", ".js", ".md"})
# A word in a name such as `test_what_is_told` counts too, so `_` ends a word as a space does.
AVOIDED: Final = {
    name: re.compile(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])", re.IGNORECASE)
    for name, pattern in {
        # The method `tell` of a file is not ours to name.
        "tell, told": r"tell(?!\()|tells|told",
        "ask, asked (of code)": "asked|asks",
        "stand, stands": "stand|stands",
        "beside": "beside",
        "sound (valid)": "sound",
        "mend": "mend|mends|mended|mending",
        "harm": "harm|harms",
        "carry": "carried|carries",
        "given back": "given[ _]back|gives[ _]back|give[ _]back",
        "whoever, nobody, somebody": "whoever|nobody|somebody",
        "so many, so much": "so[ _]many|so[ _]much",
        "at the door": "at[ _]the[ _]door|door",
        "judge": "judge|judges|judged",
        "sweep": "sweep|sweeps|swept",
        "data of one's own": "of[ _]one's[ _]own|of[ _]your[ _]own",
    }.items()
}
# These name the words, as this file does.
_EXEMPT: Final = frozenset({"tests/tools/avoided_words.py", "tests/tools/test_avoided_words.py"})


def count_avoided(root: Path) -> Counter[tuple[str, str]]:
    """Counts avoided words by file (path below `root`) and word; vendored files do not count."""
    found: Counter[tuple[str, str]] = Counter()
    for path in _files(root):
        text = path.read_text(encoding="utf-8")
        for name, pattern in AVOIDED.items():
            if times := len(pattern.findall(text)):
                found[path.relative_to(root).as_posix(), name] = times
    return found


def _files(root: Path) -> Iterable[Path]:
    candidates = [*root.glob("*.md"), *(path for folder in FOLDERS for path in (root / folder).rglob("*"))]
    for path in sorted(candidates):
        relative = path.relative_to(root)
        is_vendored = {"vendor", "node_modules"} & set(relative.parts)
        # A link is counted where the file is.
        is_counted = path.suffix in SUFFIXES and not is_vendored and not path.is_symlink()
        if is_counted and relative.as_posix() not in _EXEMPT:
            yield path
