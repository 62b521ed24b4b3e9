"""What the client reads from a file before it sends the file."""

import gzip
import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from default_risk_jobs.errors import UnreadableFileError
from default_risk_jobs.files import CountedFile, job_type_of, sha256_of
from infra.local import panel
from shared.inputs.schema import template_csv
from shared.vocabulary import JobType


@pytest.mark.parametrize("header", ["reporting_quarter", "Reporting Quarter", "REPORTING-QUARTER"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_with_a_column_of_quarters_is_quarterly(
    tmp_path: Path, header: str, separator: str, encoding: str
) -> None:
    path = tmp_path / "figures.csv"
    path.write_bytes(f"company_symbol{separator}{header}\nA{separator}Q1\n".encode(encoding))
    assert job_type_of(path) == "quarterly"


@pytest.mark.parametrize("name", ["a.tsv", "a.TXT", "a.csv.gz", "a.TSV.GZ"])
@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_job_type_is_read_from_a_file_of_every_ending(tmp_path: Path, name: str, job_type: JobType) -> None:
    body = template_csv(job_type).encode() * 10_000
    path = tmp_path / name
    path.write_bytes(gzip.compress(body) if name.lower().endswith(".gz") else body)
    assert job_type_of(path) == job_type


@pytest.mark.parametrize(
    ("start", "job_type"),
    [
        ("sep=;\r\ncompany_symbol;reporting_quarter\r\n", "quarterly"),
        ('"SEP = ,"\ncompany_symbol,reporting_quarter\n', "quarterly"),
        ('"company \nsymbol","reporting \nquarter"\n', "quarterly"),
        ("company_symbol,reporting_quarter\rA,Q1\r", "quarterly"),
        ("company_symbol,\u200ereporting\u00ad_quarter\u200e\n", "quarterly"),
        ('company_symbol,note\nA,"reporting_quarter"\n', "annual"),
        ('company_symbol,"open\nreporting_quarter', "quarterly"),
    ],
)
def test_job_type_is_that_of_the_header_record(tmp_path: Path, start: str, job_type: str) -> None:
    path = tmp_path / "figures.csv"
    path.write_bytes(start.encode())
    assert job_type_of(path) == job_type


def test_file_without_a_column_of_quarters_is_annual(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    path.write_text(template_csv(JobType.ANNUAL) + "reporting_quarter\n")
    assert job_type_of(path) == "annual"


@pytest.mark.parametrize("job_type", ["annual", "quarterly"])
def test_job_type_of_a_workbook_is_read_from_its_header(tmp_path: Path, job_type: str) -> None:
    path = tmp_path / "figures.XLSX"
    columns = panel.STATEMENT_COLUMNS if job_type == "annual" else panel.QUARTERLY_RATIO_COLUMNS
    rows = panel.statement_rows(3, seed=1) if job_type == "annual" else panel.quarterly_ratio_rows(3, seed=1)
    path.write_bytes(panel.as_xlsx(rows, columns))
    assert job_type_of(path) == job_type


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("gone.csv", None, r"gone\.csv cannot be read: No such file"),
        ("notes.pdf", b"x", r"notes\.pdf is no CSV file or Excel workbook: .* \.csv\.gz, \.tsv\.gz, \.xlsx"),
        ("notes.gz", b"x", r"notes\.gz is no CSV file or Excel workbook"),
        ("broken.csv.gz", b"\x1f\x8bbroken", r"broken\.csv\.gz is not a valid gzip file"),
        ("broken.xlsx", b"PK\x03\x04broken", r"broken\.xlsx is not a valid Excel workbook"),
    ],
)
def test_unusable_file_is_named_in_the_error(tmp_path: Path, name: str, body: bytes | None, sentence: str) -> None:
    path = tmp_path / name
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(UnreadableFileError, match=sentence):
        job_type_of(path)


@given(body=st.binary(max_size=5_000))
def test_any_bytes_have_a_job_type_and_a_checksum(body: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(body)
    assert job_type_of(path) in {"annual", "quarterly"}
    file = BytesIO(body)
    file.seek(len(body) // 2)
    assert sha256_of(file) == hashlib.sha256(body).hexdigest()
    assert file.tell() == 0


def test_counted_file_reports_how_far_it_was_read() -> None:
    reported: list[int] = []
    file = CountedFile(BytesIO(b"12345"), reported.append)
    assert file.read(2) + file.read(2) == b"1234"
    file.seek(0)
    assert (file.read(), file.tell()) == (b"12345", 5)
    assert reported == [2, 4, 5]
