"""Rows that come in a request to be scored at once, brought into the form in which a job reads its file."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from starlette.requests import Request

from functions.api.json_bodies import body_fault, read_body
from shared.files.errors import TooLargeError, UnsupportedFormatError
from shared.files.header import Layout, check_columns, read_header
from shared.jobs.job import JobType
from shared.jobs.ports import GivenRows
from shared.jobs.representations import API_ROOT

MAX_ROWS = 100

_NO_TEXT = "is no text: it has half of a surrogate pair"


class _RepeatedNameError(ValueError):
    """A JSON object that has a name twice: which value is meant, nobody can tell."""


async def read_rows(request: Request, *, job_type: JobType, max_bytes: int, next_year: int) -> GivenRows:
    """The rows of the request. Raises `ValidationError` and the `FileError`s that a file with this header meets."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedFormatError('Send the rows as application/json: {"rows": [{"company_symbol": "…", …}, …]}.')
    body = await read_body(request, max_bytes=max_bytes, advice=_in_bulk(job_type))
    rows = _rows(_parsed(body), job_type)
    names = _names(rows)
    header = read_header(names)
    profile, used_both = check_columns(header, job_type)
    data = _csv([[_cell(row.get(name), number, name) for name in names] for number, row in enumerate(rows)])
    layout = Layout(
        delimiter=",",
        names=header.names,
        normalised=header.normalised,
        job_type=job_type,
        profile=profile,
        used_both=used_both,
        data_start=0,
    )
    return GivenRows(layout=layout.to_json(), data=data, row_count=len(rows), next_year=next_year)


def _in_bulk(job_type: JobType) -> str:
    return f"Upload more as a file: POST it to {API_ROOT}/{job_type}/bulk-upload-async."


def _parsed(body: bytes) -> Any:
    """The body's JSON, its numbers as the text a file would have."""
    try:
        return json.loads(
            body,
            parse_int=str,
            parse_float=_figure,
            parse_constant=_refused,
            object_pairs_hook=_object,
        )
    except _RepeatedNameError:
        raise body_fault("body", "has an object with the same name twice") from None
    except (ValueError, RecursionError):
        raise body_fault("body", "is not valid JSON") from None


def _figure(text: str) -> str:
    """A number with a fraction or an exponent: the shortest text of the same double; as written if it is too large."""
    number = float(text)
    return repr(number) if isfinite(number) else text


def _refused(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _RepeatedNameError
    return made


def _rows(sent: Any, job_type: JobType) -> Sequence[Mapping[str, Any]]:
    if not isinstance(sent, dict):
        raise body_fault("body", "has to be a JSON object")
    rows = sent.get("rows")
    if set(sent) != {"rows"} or not isinstance(rows, list) or not rows:
        raise body_fault("body.rows", f"has to be a list of 1 to {MAX_ROWS} objects, and all there is")
    if len(rows) > MAX_ROWS:
        raise TooLargeError(
            f"The request has {len(rows):,} rows; at most {MAX_ROWS} are scored at once. {_in_bulk(job_type)}"
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise body_fault(f"body.rows.{number}", f"row {number + 1} has to be an object of columns and cells")
    return rows


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of all rows, in order of appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not all(_is_text(name) for name in names):
        raise body_fault("body.rows", f"the name of a column {_NO_TEXT}")
    return names


def _cell(value: Any, number: int, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if _is_text(value):
            return value
        raise body_fault(f"body.rows.{number}.{name}", f"the cell in row {number + 1} {_NO_TEXT}")
    raise body_fault(f"body.rows.{number}.{name}", f"the cell in row {number + 1} has to be a text, a number or null")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _csv(records: Sequence[Sequence[str]]) -> str:
    """The records as CSV; one of blanks alone is quoted, for it is a row here and no blank line."""
    text = io.StringIO()
    plain, quoted = csv.writer(text), csv.writer(text, quoting=csv.QUOTE_ALL)
    for record in records:
        (plain if "".join(record).strip() else quoted).writerow(record)
    return text.getvalue()
