"""Scored rows as a pandas DataFrame. Needs the extra `pandas`, so this module is imported only when it is used."""

import json
from typing import BinaryIO, Final

import pandas as pd

_LISTS: Final = ["top_factors", "missing_ratios", "out_of_range"]
_NUMBERS: Final = {"row": "int64", "default_probability": "float64"}
# Result files have an apostrophe before text that a spreadsheet would run as a formula, also behind a semicolon, pipe,
# TAB or line break in it. To be replaced by two groups, the one expression after the other.
GUARDED: Final = (
    "(\\A)'([=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n])",
    "([;|\t\r\n][ \"]*)'([=+\\-@\uff1d\uff0b\uff0d\uff20])",
)


def read_scored_rows(file: BinaryIO) -> pd.DataFrame:
    """Returns the rows of a CSV result file of scored rows, as `JobsClient.results_frame` describes them."""
    # All as text first: blank cells are not missing, and the parser's floats are off by a unit in the last place.
    frame = pd.read_csv(file, dtype="str", na_filter=False, lineterminator="\n")
    frame = frame.astype({name: kind for name, kind in _NUMBERS.items() if name in frame.columns})
    for name in frame.columns.difference([*_NUMBERS, *_LISTS]):
        for guard in GUARDED:
            frame[name] = frame[name].str.replace(guard, r"\1\2", regex=True)
    for name in frame.columns.intersection(_LISTS):
        frame[name] = pd.Series([json.loads(text) for text in frame[name]], index=frame.index, dtype="object")
    for guard in GUARDED:
        frame.columns = frame.columns.str.replace(guard, r"\1\2", regex=True)
    return frame
