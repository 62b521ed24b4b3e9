"""Inputs and output of the demonstration."""

import threading
from pathlib import Path
from typing import Any

import pytest

from default_risk_jobs import UnreadableFileError
from infra.local import demo, panel


def test_scored_rows_are_shown_for_any_spelling_of_the_header(capsys: pytest.CaptureFixture[str]) -> None:
    header = "Company Symbol,row,default_probability,risk_level,risk_grade,top_factors\n"
    demo.show_scored((header + 'ACME,1,0.5,CRITICAL,R10,"[{""input"":""x"",""contribution"":1.5}]"\n').encode())

    shown = capsys.readouterr().out
    assert "ACME" in shown
    assert "x +1.50" in shown


def test_file_with_quarters_is_quarterly_in_every_format(tmp_path: Path) -> None:
    quarterly = panel.quarterly_ratio_rows(2, seed=1)
    files = {
        "q.xlsx": panel.as_xlsx(quarterly, panel.QUARTERLY_RATIO_COLUMNS),
        "q.csv": b"\xef\xbb\xbfCompany Symbol;Reporting Quarter\nA;Q1\n",
        "a.csv": panel.as_csv(panel.statement_rows(2, seed=1), panel.STATEMENT_COLUMNS),
    }
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)

    inputs = demo.given_inputs([str(tmp_path / name) for name in files])
    assert [given.job_type for given in inputs] == ["quarterly", "quarterly", "annual"]


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("missing.csv", None, "cannot be read: No such file"),
        ("notes.pdf", b"x", "no CSV file or Excel workbook"),
        ("broken.xlsx", b"x", "is not a valid Excel workbook"),
    ],
)
def test_unusable_file_is_reported_before_the_demo_starts(
    tmp_path: Path, name: str, body: bytes | None, sentence: str
) -> None:
    if body is not None:
        (tmp_path / name).write_bytes(body)
    with pytest.raises(UnreadableFileError, match=sentence):
        demo.given_inputs([str(tmp_path / name)])


def test_second_demo_of_a_checkout_waits_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "STATE_FOLDER", tmp_path)
    order: list[str] = []
    waits = threading.Event()

    def run_alone(inputs: Any, _folder: Path) -> None:
        order.append(f"{inputs} starts")
        if inputs == "first":
            second.start()
            assert waits.wait(10)
        order.append(f"{inputs} ends")

    def say_that_it_waits() -> None:
        say()
        waits.set()

    say = demo._say_that_it_waits
    monkeypatch.setattr(demo, "_say_that_it_waits", say_that_it_waits)
    monkeypatch.setattr(demo, "_run_alone", run_alone)
    second = threading.Thread(target=demo.run, args=["second"])
    demo.run("first")  # type: ignore[arg-type]
    second.join(10)
    assert order == ["first starts", "first ends", "second starts", "second ends"]
    assert "Waiting for it to end" in capsys.readouterr().out
