"""The generated input of the demonstration."""

from infra.local import panel


def test_same_seed_returns_the_same_file() -> None:
    first, second = (panel.as_csv(panel.statement_rows(50, seed=7), panel.STATEMENT_COLUMNS) for _ in range(2))
    assert first == second
    assert first != panel.as_csv(panel.statement_rows(50, seed=8), panel.STATEMENT_COLUMNS)


def test_file_has_exactly_the_requested_invalid_rows() -> None:
    valid = panel.statement_rows(1_000, seed=7)
    invalid = panel.statement_rows(1_000, seed=7, invalid=15)
    assert sum(one != other for one, other in zip(valid, invalid, strict=True)) == 15
