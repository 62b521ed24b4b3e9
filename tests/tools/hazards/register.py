"""The hazards that must never happen, by subject, in the order of the report.

A test of a hazard is marked with `@pytest.mark.hazard("…")` and its sentence. `make report` runs these tests.
"""

from typing import Final

HAZARDS: Final[dict[str, tuple[str, ...]]] = {
    "Delivery and races": (
        "The same event up to five times, shuffled or concurrent: one job, one execution",
        "An object overwritten while its job runs",
        "A crash before or after any AWS call of any function, then redelivery",
        "A write whose response is lost and that botocore repeats",
        "Every step of a job's life in any order, more than once",
        "A chunk run twice, concurrently, or again after its part was written but not committed",
        "A cancel that races with the last chunk and with finalize",
        "A delete while a late chunk writes",
        "Leftovers of a job that was retried, exported and deleted",
        "A table restored from an older backup, with executions and objects missing or unknown",
        "An event redriven from the dead-letter queue",
        "Finalize with a part missing or a chunk uncommitted",
        "Stored objects deleted: a job that never ends, a download that is never ready",
        "A lost status event, a stale heartbeat, an upload that never comes, an execution that is gone",
        "Throttling, conflicts, timeouts, half a body from S3",
        "A chunk that kills its worker",
    ),
    "Files": (
        "A workbook with a cell at XFD1048576",
        "A workbook that unpacks to much, has many entries or states false sizes",
        "A workbook with a false dimension",
        "Entity bombs, external links, macros, dates, formulas, error cells, a merged header",
        "An unbalanced quote",
        "Decimal commas, points as thousands, or both in one file",
        "A workbook with a hidden sheet, or with one part for many sheets",
        "Duplicate headers, ragged rows, NUL, huge fields, no last newline, CR alone, blank lines, no rows",
        "Byte-order marks, UTF-16, Windows-1252, mixed encodings",
        "Quoted newlines across a chunk border",
        "Text that a spreadsheet would run as a formula",
        "File names that traverse folders, hide or reorder characters, or are long",
        "Hundreds of hostile files, each run as a whole",
        "A file of arbitrary bytes",
    ),
    "One caller cannot hurt another": ("Abandoned announcements keep reconcile from the jobs that are due",),
    "Tokens and callers": (
        "Forged, stripped, expired, foreign and oversized tokens",
        "Every route by every caller on every kind of job",
        "Cursors altered, truncated, of another caller or another filter",
        "Unknown and read-only fields of a request body",
        "JSON and numbers that parsers reject, huge limits, malformed or truncated forms, base64",
        "A response, an acceptance or a refusal that the OpenAPI document does not describe",
        "Secrets in the log",
        "A role with more rights than its function uses",
    ),
}
