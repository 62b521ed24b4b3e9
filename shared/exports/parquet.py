"""Result files as Parquet: `row` and `default_probability` as numbers, everything else as text.

Text of the caller's is as it was written, without the guard against formulas: nothing in Parquet runs. What a row does
not have of our columns (the score of a failed one, the fault of a scored one) is null. Lists stay JSON.
"""

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from shared.exports.result_file import ResultFile
from shared.scoring.cells import FORMULA_STARTS, GUARD, unguarded
from shared.scoring.result_names import DEFAULT_PROBABILITY, OURS, ROW

NUMBERS: Final = {ROW: pa.int64(), DEFAULT_PROBABILITY: pa.float64()}
_STARTS: Final = "".join(re.escape(start) if start.isprintable() else start for start in FORMULA_STARTS)
_GUARDED: Final = rf"\A{GUARD}([{_STARTS}])"


def write_parquet(result: ResultFile, path: str) -> None:
    """Write the whole file, a row group each batch."""
    schema = pa.schema(
        [
            pa.field(shown, NUMBERS.get(name, pa.string()), nullable=name in OURS and name != ROW)
            for name, shown in zip(result.names, _shown(result.names), strict=True)
        ]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in result.batches:
            columns = [_typed(column, name) for column, name in zip(batch.columns, result.names, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _typed(column: pa.StringArray, name: str) -> pa.Array:
    if name not in OURS:
        return pc.replace_substring_regex(column, pattern=_GUARDED, replacement=r"\1")
    known = pc.if_else(pc.equal(column, ""), None, column)
    return known.cast(NUMBERS[name]) if name in NUMBERS else known


def _shown(names: tuple[str, ...]) -> list[str]:
    """The names without their guard. Where that makes two the same, the later one is marked: readers find by name."""
    shown: list[str] = []
    for name in names:
        free = unguarded(name)
        while free in shown:
            free = f"{free}_"
        shown.append(free)
    return shown
