"""The layout of a generated file, read as planning reads it."""

from shared.delimited.dialect import HEAD_BYTES
from shared.inputs.formats import detect_dialect
from shared.inputs.header import Layout, read_layout
from shared.vocabulary import JobType


def layout_of(file: bytes, *, is_whole_file: bool) -> Layout:
    """The layout of the annual CSV file that begins with `file`, of which HEAD_BYTES are looked at."""
    head = file[:HEAD_BYTES]
    is_whole_file = is_whole_file and len(head) == len(file)
    dialect = detect_dialect(head, is_whole_file=is_whole_file)
    return read_layout(head, dialect, job_type=JobType.ANNUAL, is_whole_file=is_whole_file)
