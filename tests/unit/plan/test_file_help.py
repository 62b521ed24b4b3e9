"""Notes on how a file was read, and refusals that say the same at the upload and in the job."""

import gzip

import pytest

from functions.api.upload_checks import check_file
from infra.local import panel
from shared.delimited.dialect import HEAD_BYTES
from shared.inputs.errors import FileError
from shared.vocabulary import JobType
from tests.unit.plan.planned_files import planned

ROWS = panel.as_csv(panel.statement_rows(20, seed=5), panel.STATEMENT_COLUMNS)
HEADER, FIRST_ROW, *_ = ROWS.decode().splitlines()
LARGE = ROWS + ROWS.split(b"\n", 1)[1] * (HEAD_BYTES // len(ROWS) + 1)


def notes_of(body: bytes, **options: str) -> list[tuple[str, str]]:
    result = planned(body, encoding=options.get("encoding"))
    assert result.plan is not None, result.refusal
    return [(note.code, note.message) for note in result.job.notes]


@pytest.mark.parametrize(
    "body", [ROWS, ROWS.replace(b"\n", b"\r\n"), ROWS.replace(b",", b"\t"), ROWS.decode().encode("utf-16")]
)
def test_file_with_nothing_unusual_gets_no_note(body: bytes) -> None:
    assert notes_of(body) == []


def test_assumptions_about_delimiters_and_encoding_are_noted() -> None:
    body = b"sep=;\r\n" + ROWS.replace(b",", b";")
    assert notes_of(body) == [("delimiters_tolerated", "The file was read with semicolons: its sep= line was skipped.")]
    codes = ["delimiters_tolerated", "encoding_doubtful"]
    body = body.replace(b"Industrials", "Générale".encode())
    assert [code for code, _ in notes_of(body, encoding="windows-1252")] == codes
    assert [code for code, _ in notes_of(b"\xef\xbb\xbf" + body, encoding="windows-1252")] == codes


def test_encoding_is_doubted_for_a_character_far_into_the_file() -> None:
    body = LARGE + FIRST_ROW.replace("Demo", "Démo").encode()
    (code, message), *others = notes_of(body, encoding="latin-1")
    assert (code, others) == ("encoding_doubtful", [])
    assert "iso8859-1" in message


@pytest.mark.parametrize("start", [b"", b"sep=,\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        (f"Screening results,,,\n\nAs of 2018\n{HEADER}\n{FIRST_ROW}\n", "missing_columns", "looks like the header"),
        (f'"{HEADER}"\n"{FIRST_ROW}"\n', "missing_columns", "in quotes as a whole"),
        (f"{FIRST_ROW}\n{FIRST_ROW}\n", "missing_columns", "looks like data"),
        (f"{HEADER.replace('assets', 'asset')}\n{FIRST_ROW}\n", "missing_columns", "`total_asset` → `total_assets`"),
        (f"{HEADER}\n{FIRST_ROW.replace(',', ';')}\n", "unsupported_format", "the rows are separated by semicolons"),
    ],
)
def test_upload_and_job_refuse_a_file_with_the_same_sentence(
    *, start: bytes, encoding: str, newline: str, text: str, code: str, sentence: str
) -> None:
    body = (start.decode() + text).replace("\n", newline).encode(encoding)
    for sent in (body, gzip.compress(body)):
        declared = encoding if encoding == "cp1252" else None
        with pytest.raises(FileError, match=sentence) as caught:
            check_file(sent, filename="a.csv", job_type=JobType.ANNUAL, encoding=declared)
        assert planned(sent, encoding=declared).refusal == (code, str(caught.value))
    if sentence == "looks like the header":
        assert f"Line {4 + bool(start)} {sentence}" in str(caught.value)


@pytest.mark.parametrize("declared", [None, "windows-1252"])
def test_nul_padding_behind_the_start_of_a_file_refuses_it(declared: str | None) -> None:
    for padding in (bytes(100), bytes(1 << 20)):
        code, sentence = planned(LARGE + padding, encoding=declared).refusal
        assert code == "undecodable"
        assert "ends in NUL bytes, from byte" in str(sentence)
    assert f"from byte {len(LARGE):,} on" in str(planned(LARGE + bytes(100), encoding=declared).refusal[1])
