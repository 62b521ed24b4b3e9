"""The rule for commit subjects."""

from pathlib import Path

import pytest

from tests.tools.commit_subject import main, problem


@pytest.mark.parametrize(
    "subject",
    [
        "api: reject unknown query parameters",
        "api, score: pause garbage collection during imports",
        f"docs: {'x' * 66}",
    ],
)
def test_subject_with_area_and_summary_is_accepted(subject: str) -> None:
    assert problem(subject) is None


@pytest.mark.parametrize("subject", ["", "Fix things", "API: fix things", "api:fix things", "api: ", "wip"])
def test_subject_without_area_is_refused(subject: str) -> None:
    assert "area: imperative summary" in (problem(subject) or "")


def test_subject_over_72_characters_is_refused_with_its_length() -> None:
    assert problem(f"docs: {'x' * 67}") == "The subject has 73 characters; use at most 72."


def test_hook_fails_for_a_message_without_area(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text("Fix things\n\nBecause.\n")
    assert main(str(message)) == 1
    assert "area: imperative summary" in capsys.readouterr().err
