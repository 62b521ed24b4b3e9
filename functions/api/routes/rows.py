"""Scoring up to 100 rows in one request: the route, and its rows converted into the CSV text that a job reads."""

import csv
import io
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from functions.api.dependencies import CurrentServices
from functions.api.idempotency import OncePerKey
from functions.api.problems import problems
from functions.api.request_bodies import RepeatedNameError, body_error, read_body, strict_json
from functions.api.responses import Json
from shared.api_types import MAX_ROWS, RowScores, ScoreResponse
from shared.inputs.columns import Column
from shared.inputs.decimals import Findings, decide, figure_columns
from shared.inputs.errors import TooLargeError, UnsupportedFormatError
from shared.inputs.header import Layout, check_columns, read_header
from shared.inputs.numbers import TEXT_MARK
from shared.jobs.job import JobType
from shared.jobs.ports import GivenRows
from shared.jobs.representations import API_ROOT
from shared.vocabulary import DecimalConvention, Note

_NO_TEXT = "is no text: it has half of a surrogate pair"


def rows_router(job_type: JobType) -> APIRouter:
    """Returns the route that scores rows of a job type."""
    router = APIRouter(tags=["rows"])

    @router.post(
        f"/{job_type}",
        responses=problems(400, 401, 403, 409, 413, 415, 422, 503),
        operation_id=f"score_{job_type}",
        summary=f"Score up to {MAX_ROWS} {job_type} rows at once",
        description=(
            f"Uses the same rules and model as a job. Upload more than {MAX_ROWS} rows as a file. The columns are "
            "those of all rows together; null and missing columns are blank cells."
        ),
    )
    async def score(request: Request, services: CurrentServices, once: OncePerKey) -> Response:
        async def score_rows() -> Response:
            given = await read_rows(
                request,
                job_type=job_type,
                max_bytes=services.limits.rows_max_bytes,
                next_year=services.clock().year + 1,
            )
            scores = cast("RowScores", services.score_rows(given))
            body: ScoreResponse = {"success": True, "job_type": job_type.value, **scores}
            return Json(body)

        return await once.respond(score_rows)

    return router


async def read_rows(request: Request, *, job_type: JobType, max_bytes: int, next_year: int) -> GivenRows:
    """Returns the rows of the request. Raises `ValidationError`, and a `FileError` as for a file with this header."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedFormatError('Send the rows as application/json: {"rows": [{"company_symbol": "…", …}, …]}.')
    body = await read_body(request, max_bytes=max_bytes, advice=_in_bulk(job_type))
    rows = _rows(_parsed(body), job_type)
    names = _names(rows)
    header = read_header(names)
    profile, used_both = check_columns(header, job_type)
    cells = [[_cell(row.get(name), number, name) for name in names] for number, row in enumerate(rows)]
    figures = [
        (header.normalized.index(column.name), column)
        for column in figure_columns(header.normalized, job_type, profile)
    ]
    decimal, notes = _decimal_convention(cells, figures)
    layout = Layout(
        delimiter=",",
        names=header.names,
        normalized=header.normalized,
        job_type=job_type,
        profile=profile,
        used_both=used_both,
        data_start=0,
        decimal=decimal,
    )
    return GivenRows(
        layout=layout.to_json(),
        data=_csv(cells),
        row_count=len(rows),
        next_year=next_year,
        notes=[note.as_json() for note in notes],
    )


class _Number(str):
    """The text of a JSON number, whose decimal sign is known."""

    __slots__ = ()


def _decimal_convention(
    cells: Sequence[list[str]], figures: Sequence[tuple[int, Column]]
) -> tuple[DecimalConvention, tuple[Note, ...]]:
    """Returns the convention of the rows, which only figures in strings decide, and notes about it.

    Where such a figure could be ambiguous, strings get the mark that distinguishes them from numbers.
    """
    findings = Findings()
    for number, row in enumerate(cells, start=1):
        for place, column in figures:
            if not isinstance(row[place], _Number):
                findings.add(row[place], column, row=number)
    convention, notes = decide(findings, has_typed_cells=True)
    if convention.ambiguous or convention.sign != ".":
        for row in cells:
            for place, _ in figures:
                if not isinstance(row[place], _Number) and "." in row[place] and not row[place].startswith(TEXT_MARK):
                    row[place] = TEXT_MARK + row[place]
    return convention, notes


def _in_bulk(job_type: JobType) -> str:
    return f"Upload more as a file: POST it to {API_ROOT}/{job_type}/bulk-upload-async."


def _parsed(body: bytes) -> Any:
    """Returns the JSON value of the body, with numbers as the text that a file would have."""
    try:
        return strict_json(body, parse_int=_Number, parse_float=_number_text)
    except RepeatedNameError:
        raise body_error("body", "has an object with the same name twice") from None
    except (ValueError, RecursionError):
        raise body_error("body", "is not valid JSON") from None


def _number_text(text: str) -> _Number:
    """Returns the shortest text of the same double; the text as written when it exceeds a double."""
    number = float(text)
    return _Number(repr(number) if isfinite(number) else text)


def _rows(sent: Any, job_type: JobType) -> Sequence[Mapping[str, Any]]:
    if not isinstance(sent, dict):
        raise body_error("body", "has to be a JSON object")
    rows = sent.get("rows")
    if set(sent) != {"rows"} or not isinstance(rows, list) or not rows:
        raise body_error("body.rows", f"has to be a list of 1 to {MAX_ROWS} objects, and all there is")
    if len(rows) > MAX_ROWS:
        raise TooLargeError(
            f"The request has {len(rows):,} rows; at most {MAX_ROWS} are scored at once. {_in_bulk(job_type)}"
        )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise body_error(f"body.rows.{number}", f"row {number + 1} has to be an object of columns and cells")
    return rows


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the columns of all rows in order of appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not all(_is_text(name) for name in names):
        raise body_error("body.rows", f"the name of a column {_NO_TEXT}")
    return names


def _cell(value: Any, number: int, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if _is_text(value):
            return value
        raise body_error(f"body.rows.{number}.{name}", f"the cell in row {number + 1} {_NO_TEXT}")
    raise body_error(f"body.rows.{number}.{name}", f"the cell in row {number + 1} has to be a text, a number or null")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _csv(records: Sequence[Sequence[str]]) -> str:
    """Returns the records as CSV. A blank record is quoted, since it is a row and not a blank line."""
    text = io.StringIO()
    plain, quoted = csv.writer(text), csv.writer(text, quoting=csv.QUOTE_ALL)
    for record in records:
        (plain if "".join(record).strip() else quoted).writerow(record)
    return text.getvalue()
