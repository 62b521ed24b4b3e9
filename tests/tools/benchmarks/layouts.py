"""The layout of a generated file, read as planning reads it."""

from shared.delimited.dialect import HEAD_BYTES
from shared.inputs.formats import detect_dialect
from shared.inputs.header import Layout, read_layout
from shared.vocabulary import JobType


def layout_of(file: bytes, *, is_whole_file: bool) -> Layout:
    """Returns the layout of an annual CSV file from its first HEAD_BYTES."""
    head = file[:HEAD_BYTES]
    is_whole_file = is_whole_file and len(head) == len(file)
    dialect = detect_dialect(head, is_whole_file=is_whole_file)
    return read_layout(head, dialect, job_type=JobType.ANNUAL, is_whole_file=is_whole_file)
