import ast
from collections.abc import Iterator

import pytest

from infra.project import ROOT
from tests.tools.where_is import QUESTIONS, Place, Question, main


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.text)
def test_answer_names_existing_places(question: Question) -> None:
    assert question.text.startswith("Where ")
    assert question.places
    for place in question.places:
        source = (ROOT / place.path).read_text()
        assert place.names or place.text, place
        assert [name for name in place.names if name not in set(defined(ast.parse(source)))] == [], place
        assert place.text in source, place


def defined(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    """Yields the names that a module or class defines, and those of its classes with the class before."""
    for part in node.body:
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from defined(part, f"{prefix}{name}.")
            case ast.Assign(targets=targets):
                yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case _:
                pass


def test_defined_names_are_those_of_module_and_classes() -> None:
    source = "A = 1\nB: int = 2\ndef f():\n    x = 1\nclass C:\n    field: int\n    def method(self): ...\n"
    assert list(defined(ast.parse(source))) == ["A", "B", "f", "C", "C.field", "C.method"]


def test_twenty_questions_have_different_texts() -> None:
    assert len({question.text for question in QUESTIONS}) == len(QUESTIONS) == 20


def test_answers_are_printed_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    paths = [place.path for question in QUESTIONS for place in question.places]
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert all(question.text in printed for question in QUESTIONS)
    assert not any(path in printed for path in paths)
    assert main(["--answers"]) == 0
    printed = capsys.readouterr().out
    assert all(path in printed for path in paths)


def test_place_reads_as_path_names_and_text() -> None:
    assert str(Place("a/b.py", ("C", "f"), "text")) == "a/b.py: C, f, “text”"
