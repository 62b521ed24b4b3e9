"""The decimal convention of a job: from its file, its options or its parent, the same in plan, record and scoring."""

import json
from typing import Any

import pytest

from shared.inputs.header import Layout
from shared.scoring.chunk import ScoredChunk, score_chunk
from shared.scoring.results import header_line
from shared.scoring.retry_file import retry_file
from shared.vocabulary import DECIMAL_POINT, DecimalConvention, DecimalSign, Outcome
from tests.builders import a_retry
from tests.unit.plan.planned_files import Planned, planned
from tests.unit.scoring.scored_files import NEXT_YEAR, RATIOS
from tests.unit.workbook.workbook_builders import inline, number, row, workbook, worksheet

COMMAS = DecimalConvention(sign=",", ambiguous=".,")
ROW = "ACME;Acme Inc;Tech;2015;{};50;2;3;1;"


def file_of(*market_caps: str) -> bytes:
    return "\n".join([RATIOS.replace(",", ";"), *map(ROW.format, market_caps), ""]).encode()


def layout_of(plan: Planned) -> Layout:
    assert plan.plan is not None
    return Layout.from_json(plan.plan["layout"])


def scored(plan: Planned) -> ScoredChunk:
    layout = layout_of(plan)
    data = plan.scored_input[layout.data_start :]
    return score_chunk(data, layout=layout, first_row=1, model=None, next_year=NEXT_YEAR)


def errors_of(plan: Planned) -> list[tuple[Any, ...]]:
    errors = map(json.loads, scored(plan).parts.errors.splitlines())
    return [(error["row"], error["code"], error["value"]) for error in errors]


@pytest.mark.parametrize(
    ("declared", "errors"),
    [
        (None, [(1, "ambiguous_number", "672,478"), (3, "ambiguous_number", "1.234")]),
        (",", []),
        (".", [(2, "invalid_market_cap", "12,5")]),
    ],
)
def test_declared_decimal_sign_leaves_nothing_ambiguous(
    declared: DecimalSign | None, errors: list[tuple[Any, ...]]
) -> None:
    plan = planned(file_of("672,478", "12,5", "1.234"), decimal=declared)
    decimal = DecimalConvention(sign=declared) if declared else COMMAS
    assert plan.job.decimal == layout_of(plan).decimal == decimal
    assert [note.code for note in plan.job.notes] == ([] if declared else ["decimal_comma"])
    assert errors_of(plan) == errors


def test_note_about_an_assumed_decimal_sign_is_in_the_record() -> None:
    plan = planned(file_of("12", "672,478"))
    assert plan.job.decimal == DECIMAL_POINT
    assert [(note.code, note.rows) for note in plan.job.notes] == [("decimal_assumed", (2,))]
    assert errors_of(plan) == []


def a_workbook(*market_caps: str) -> bytes:
    rows = [row(*(inline(name) for name in RATIOS.split(",")))]
    for cap in market_caps:
        texts = [inline(text) for text in ("ACME", "Acme Inc", "Tech")]
        rows.append(row(*texts, number("2015"), cap, *(number(ratio) for ratio in ("16.125", "3.5", "1.5", "2.5"))))
    return workbook(worksheet(*rows))


def test_numbers_of_a_workbook_are_neither_evidence_nor_ambiguous() -> None:
    plan = planned(a_workbook(inline("332,812"), inline("17,25"), number("672.478"), inline("672.478")), "a.xlsx")
    assert plan.job.decimal == DecimalConvention(sign=",", ambiguous=".,", has_typed_cells=True)
    assert errors_of(plan) == [(1, "ambiguous_number", "332,812"), (4, "ambiguous_number", "'672.478")]
    declared = planned(a_workbook(inline("332,812"), number("672.478"), inline("672.478")), "a.xlsx", decimal=",")
    assert errors_of(declared) == []


def test_texts_of_a_workbook_with_both_decimal_signs_are_ambiguous() -> None:
    plan = planned(a_workbook(inline("332,812"), inline("17,25"), inline("17.25")), "a.xlsx")
    assert plan.job.decimal == DecimalConvention(sign=".", ambiguous=".,", has_typed_cells=True)
    assert errors_of(plan) == [(1, "ambiguous_number", "332,812"), (2, "invalid_market_cap", "17,25")]


@pytest.mark.parametrize(
    "parent",
    [
        planned(file_of("672,478", "12,5", "1.234")),
        planned(file_of("672,478", "12,5", "1.234", "12.5")),
        planned(file_of("672,478", "12,5", "abc"), decimal="."),
        planned(a_workbook(inline("332,812"), inline("17,25"), number("672.478"), inline("672.478")), "a.xlsx"),
    ],
)
def test_failed_rows_that_are_retried_uncorrected_fail_again(parent: Planned) -> None:
    first = scored(parent)
    failed = header_line(layout_of(parent), Outcome.FAILED, scored=False) + first.parts.failed
    child = planned(b"".join(retry_file([[failed]], has_source_row=False)), retry=a_retry(decimal=parent.job.decimal))
    assert child.job.decimal == parent.job.decimal
    assert [error[1:] for error in errors_of(child)] == [error[1:] for error in errors_of(parent)]
    # And so they do in the retry of that retry.
    again = header_line(layout_of(child), Outcome.FAILED, scored=False) + scored(child).parts.failed
    grandchild = planned(b"".join(retry_file([[again]], has_source_row=True)), retry=a_retry(decimal=child.job.decimal))
    assert errors_of(grandchild) == errors_of(child)


def test_corrected_row_of_a_retry_is_read_by_the_convention_of_its_parent() -> None:
    parent = planned(file_of("672,478", "12,5", "1.234"))
    child = planned(file_of("672,4780", "1.234"), retry=a_retry(decimal=parent.job.decimal, has_source_row=False))
    assert errors_of(child) == [(2, "ambiguous_number", "1.234")]
    turned = planned(file_of("672.4780", "672,478"), retry=a_retry(decimal=parent.job.decimal, has_source_row=False))
    assert errors_of(turned) == [(1, "invalid_market_cap", "672.4780"), (2, "ambiguous_number", "672,478")]


def test_value_right_of_the_table_of_a_workbook_is_named_by_its_column() -> None:
    header = row(*map(inline, RATIOS.split(",")))
    cells = [inline(cell) for cell in ("ACME", "Acme Inc", "Tech")]
    values = [number("2015"), *[number("12.5")] * (len(RATIOS.split(",")) - 4)]
    body = workbook(worksheet(header, row(*cells, *values), row(*cells, *values, inline(""), inline("check this"))))
    errors = [json.loads(line) for line in scored(planned(body, filename="a.xlsx")).parts.errors.splitlines()]
    assert [(error["row"], error["code"]) for error in errors] == [(2, "malformed_row")]
    assert "it has a value in column L, right of the table" in errors[0]["error"]
