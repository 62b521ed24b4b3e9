"""One chunk scored on one core: bytes in, the parts of the result files out."""

from typing import Final

from shared.scoring.chunk import ScoredChunk, score_chunk
from shared.scoring.model import model_for
from shared.vocabulary import JobType
from tests.tools.benchmarks.baselines import a_row_at_a_time, columns_with_pandas
from tests.tools.benchmarks.inputs import COLUMNS, company_csv, company_rows
from tests.tools.benchmarks.layouts import layout_of
from tests.tools.benchmarks.measurements import Measurement, check_same_work
from tests.tools.benchmarks.timing import Contender, timed

ROWS: Final = 20_000
# One call of the classifier per row is slow, so that baseline gets only these rows.
ROWS_ONE_BY_ONE: Final = 500
NEXT_YEAR: Final = 2026


def measure() -> tuple[Measurement, ...]:
    """Returns seconds per row. Raises DifferentWorkError unless every contender fails the same number of rows."""
    rows = company_rows(ROWS)
    # Invalid rows are evenly spread, so the first rows have the same share.
    file, few = company_csv(rows), company_csv(rows[:ROWS_ONE_BY_ONE])
    layout = layout_of(file, is_whole_file=True)
    chunk = file[layout.data_start :]
    model = model_for(JobType.ANNUAL, "statements")

    def ours(data: bytes) -> ScoredChunk:
        return score_chunk(data, layout=layout, first_row=1, model=model, next_year=NEXT_YEAR)

    check_same_work("failed rows", ours=ours(chunk).failed, theirs=columns_with_pandas(file, next_year=NEXT_YEAR))
    ours_of_few = ours(few[layout.data_start :]).failed
    check_same_work("failed rows", ours=ours_of_few, theirs=a_row_at_a_time(few, next_year=NEXT_YEAR))
    subject, *baselines = timed(
        [
            Contender(name="`score_chunk`, with reasons", run=lambda: ours(chunk), units=ROWS),
            Contender(
                name="csv, pydantic and scikit-learn, row by row",
                run=lambda: a_row_at_a_time(few, next_year=NEXT_YEAR),
                units=ROWS_ONE_BY_ONE,
            ),
            Contender(
                name="pandas, one call of scikit-learn",
                run=lambda: columns_with_pandas(file, next_year=NEXT_YEAR),
                units=ROWS,
            ),
            Contender(name='floor: `data.count(b"\\n")`', run=lambda: chunk.count(b"\n"), units=ROWS, repeats=20),
        ],
        rounds=9,
    )
    return (
        Measurement(
            title="Score a chunk",
            quantity="seconds",
            unit="row",
            subject=subject,
            baselines=tuple(baselines),
            notes=(
                f"{ROWS:,} rows of {len(COLUMNS)} columns, {len(chunk) / 1e6:.1f} MB, 2% of them invalid, on one core",
                f"the row-by-row baseline scores only the first {ROWS_ONE_BY_ONE} rows",
                "neither baseline gives reasons; their classifier is small",
            ),
        ),
    )
