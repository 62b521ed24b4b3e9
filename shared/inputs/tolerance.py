"""Irregular rows that are read all the same, each kind with a note, and the shape that rows should have."""

from shared.delimited.inspection import Inspection, RowList, RowShape
from shared.inputs.columns import BY_NAME, Kind
from shared.inputs.header import Layout
from shared.vocabulary import MAX_NOTE_ROWS, Note


def row_shape(layout: Layout) -> RowShape:
    """Returns the shape of the rows of a file: cells behind the last column that is ours may be missing."""
    ours = {
        place: BY_NAME[name]
        for place, name in enumerate(layout.normalized)
        if name in BY_NAME and BY_NAME[name].profile in (None, layout.profile)
    }
    figures = [column for column in ours.values() if column.kind is not Kind.TEXT]
    return RowShape(
        field_count=layout.field_count,
        needed=max(ours, default=layout.field_count - 1) + 1,
        # Half of the ratios may be blank.
        figure_count=max(len(figures) // 2, 1),
    )


def inspection_for(layout: Layout) -> Inspection:
    """Returns what `plan_chunks` is to inspect the rows of an upload with."""
    return Inspection(row_shape(layout), layout.delimiter, limit=MAX_NOTE_ROWS)


def tolerance_notes(inspection: Inspection) -> tuple[Note, ...]:
    """Returns the notes on what was tolerated in a file, once all of it was inspected."""
    notes = []
    if inspection.skipped_count:
        lines = "1 line was" if inspection.skipped_count == 1 else f"{inspection.skipped_count:,} lines were"
        notes.append(Note(code="delimiters_tolerated", message=f"{lines} skipped: nothing but delimiters."))
    if inspection.padded.count:
        notes.append(
            _note(
                "delimiters_tolerated",
                inspection.padded,
                "more or fewer empty cells at the end than the header has columns; the rows were read without them.",
            )
        )
    if inspection.spaced.count:
        notes.append(
            _note("quotes_tolerated", inspection.spaced, "a space before an opening quote, which was left out.")
        )
    return tuple(notes)


def _note(code: str, rows: RowList, what: str) -> Note:
    subject = "1 row has" if rows.count == 1 else f"{rows.count:,} rows have"
    return Note(code=code, message=f"{subject} {what}", rows=tuple(rows.rows))
