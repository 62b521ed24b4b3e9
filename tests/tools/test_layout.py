from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest

from infra.project import ROOT
from tests.tools import layout
from tests.tools.declarations import declarations, repeated
from tests.tools.import_cycles import file_cycles, folder_cycles
from tests.tools.row_walk import walk_row
from tests.tools.source_tree import SourceTree

Write = Callable[[Mapping[str, str]], SourceTree]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes modules by path and returns their tree."""

    def written(files: Mapping[str, str]) -> SourceTree:
        for path, source in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(dedent(source))
        return SourceTree(tmp_path)

    return written


def test_every_gate_holds_in_this_repository() -> None:
    assert [str(gate) for gate in layout.gates(ROOT) if gate.broken] == []


def test_row_of_this_repository_is_followed_into_validation_and_output() -> None:
    assert len(walk_row(SourceTree(ROOT)).modules) > 3


class TestImportCycles:
    def test_files_without_a_cycle_have_none(self, write: Write) -> None:
        tree = write({"shared/a.py": "import shared.b", "shared/b.py": "from shared import c", "shared/c.py": ""})
        assert file_cycles(tree) == folder_cycles(tree) == []

    def test_cycle_of_three_files_is_found_once_with_its_lines(self, write: Write) -> None:
        files = {
            "shared/a.py": "import os\nimport shared.b",
            "shared/b.py": "from shared import c",
            "shared/c.py": "from shared.a import thing",
            "shared/d.py": "import shared.a",
        }
        (cycle,) = file_cycles(write(files))
        assert cycle.members == ("shared/a.py", "shared/b.py", "shared/c.py")
        assert str(cycle.edges[0]) == "shared/a.py:2 imports shared/b.py"

    @pytest.mark.parametrize(
        "source",
        [
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from shared.b import B\n",
            "def late():\n    from shared import b\n",
            "from .b import B",
            "from . import b",
        ],
    )
    def test_import_for_types_or_inside_a_function_or_relative_counts(self, write: Write, source: str) -> None:
        assert len(file_cycles(write({"shared/a.py": source, "shared/b.py": "import shared.a"}))) == 1

    def test_folders_can_be_in_a_cycle_without_their_files(self, write: Write) -> None:
        files = {
            "shared/a/one.py": "import shared.b.one",
            "shared/b/one.py": "",
            "shared/b/two.py": "import shared.a.two",
            "shared/a/two.py": "",
        }
        tree = write(files)
        assert file_cycles(tree) == []
        assert [cycle.members for cycle in folder_cycles(tree)] == [("shared/a", "shared/b")]

    def test_inner_folders_are_compared_at_their_own_level(self, write: Write) -> None:
        files = {
            "shared/a/x/one.py": "import shared.a.y.one",
            "shared/a/y/one.py": "",
            "shared/a/y/two.py": "import shared.a.x.two",
            "shared/a/x/two.py": "",
            "functions/f.py": "import shared.a.x.one",
        }
        assert [cycle.members for cycle in folder_cycles(write(files))] == [("shared/a/x", "shared/a/y")]

    def test_folder_and_neighboring_file_can_be_in_a_cycle(self, write: Write) -> None:
        files = {"shared/a/one.py": "import shared.b", "shared/b.py": "import shared.a.two", "shared/a/two.py": ""}
        assert [cycle.members for cycle in folder_cycles(write(files))] == [("shared/a", "shared/b.py")]

    def test_distribution_inside_is_imported_by_its_own_name(self, write: Write) -> None:
        files = {
            "shared/client/pyproject.toml": "",
            "shared/client/pack/a.py": "import pack.b",
            "shared/client/pack/b.py": "from pack.a import c",
        }
        assert len(file_cycles(write(files))) == 1

    def test_link_to_a_file_is_no_second_file(self, write: Write, tmp_path: Path) -> None:
        write({"shared/a.py": ""})
        (tmp_path / "shared" / "b.py").symlink_to("a.py")
        assert [module.name for module in write({}).modules] == ["shared.a"]


class TestDeclarations:
    BODY = "    a: int\n    b: int\n    c: int\n    d: int\n"

    def pairs(self, tree: SourceTree) -> list[tuple[str, str]]:
        return [(one.name, other.name) for one, other in repeated(declarations(tree))]

    @pytest.mark.parametrize("base", ["BaseModel", "pydantic.BaseModel", "TypedDict", "NamedTuple", "Mine"])
    def test_body_declared_twice_is_found(self, write: Write, base: str) -> None:
        tree = write(
            {
                "shared/base.py": "class Mine(BaseModel): ...",
                "functions/f.py": f"from shared.base import Mine\nclass One({base}):\n{self.BODY}",
                "shared/a.py": f"@dataclass(frozen=True)\nclass Two:\n{self.BODY}    e: str\n",
            }
        )
        assert self.pairs(tree) == [("One", "Two")]
        assert str(declarations(tree)[1]) == "shared/a.py:2 Two"

    @pytest.mark.parametrize(
        "other",
        [
            "class Two(One):\n    e: int\n",
            f"class Two:\n{BODY}",
            "class Two(TypedDict):\n    a: int\n    b: int\n    c: int\n    f: int\n",
            "class Two(TypedDict):\n    a: int\n    b: int\n    c: int\n",
            f"class TwoSettings(BaseModel):\n{BODY}",
        ],
        ids=["inherited", "plain class", "other fields", "too few fields", "settings"],
    )
    def test_other_classes_do_not_repeat_a_body(self, write: Write, other: str) -> None:
        assert self.pairs(write({"shared/a.py": f"class One(TypedDict):\n{self.BODY}{other}"})) == []

    def test_request_body_may_have_the_fields_of_a_response(self, write: Write) -> None:
        response, request, again = (f"class {name}(TypedDict):\n{self.BODY}" for name in ("One", "Two", "Three"))
        decorator = "@without_more_fields\n"
        tree = write({"shared/a.py": f"{response}{decorator}{request}{decorator}{again}"})
        assert self.pairs(tree) == [("Two", "Three")]

    def test_dataclass_of_the_domain_does_not_repeat_a_body(self, write: Write) -> None:
        files = {
            "shared/a.py": f"class One(TypedDict):\n{self.BODY}",
            "shared/jobs/b.py": f"@dataclass\nclass Two:\n{self.BODY}",
            "shared/jobs/c.py": f"class Three(TypedDict):\n{self.BODY}",
        }
        assert self.pairs(write(files)) == [("One", "Three")]


class TestHandlers:
    def test_signature_docstring_decorators_and_blank_lines_are_not_counted(self, write: Write) -> None:
        tree = write(
            {
                "functions/f/handler.py": '''
                    @observed
                    def handler(
                        event,
                    ):
                        """Two lines

                        of text."""
                        # A comment counts.

                        return (
                            event
                        )
                '''
            }
        )
        (module,) = tree.modules
        (function,) = layout._functions(module.tree.body)
        assert layout.body_lines(module, function) == 4

    @pytest.mark.parametrize(("lines", "broken"), [(15, 0), (16, 1)])
    def test_handler_may_have_15_lines(self, write: Write, tmp_path: Path, lines: int, broken: int) -> None:
        long = "\n    work()" * lines
        write({"functions/f/handler.py": f"def handler(event):{long}\ndef _other():{long * 2}\n"})
        *_, gate = layout.gates(tmp_path)
        assert len(gate.broken) == broken


class TestRowWalk:
    def walk(self, write: Write, body: str, **files: str) -> tuple[set[str], set[str]]:
        source = f"from shared.other import other, Thing, count\nimport numpy as np\n\ndef start(data, more):\n{body}"
        tree = write({"shared/start.py": source, **{f"shared/{name}.py": text for name, text in files.items()}})
        found = walk_row(tree, ("shared/start.py", "start", "data"))
        return {path.removeprefix("shared/") for path in found.modules}, {name for *_, name in found.names}

    OTHER = """
        from shared.third import third
        def other(cells, *, limit=0):
            short = third(cells)
            return short
        def count(number): ...
        class Thing:
            def method(self, extra): return self
    """
    THIRD = "def third(piece): ...\ndef unused(x): ..."

    def test_value_is_followed_through_calls_and_names(self, write: Write) -> None:
        modules, names = self.walk(
            write, "    part = data[1:]\n    done = other(part, limit=more)\n", other=self.OTHER, third=self.THIRD
        )
        assert modules == {"start.py", "other.py", "third.py"}
        assert names == {"data", "part", "done", "cells", "short", "piece"}

    def test_new_values_are_not_followed(self, write: Write) -> None:
        body = "    size = len(data)\n    count(size)\n    mask = data == more\n    at = np.flatnonzero(data)\n"
        assert self.walk(write, body, other=self.OTHER, third=self.THIRD) == ({"start.py"}, {"data"})

    def test_bindings_of_loops_and_containers_are_followed(self, write: Write) -> None:
        loop = "    for one in data:\n        pair = [one, more]\n    with open(data) as file: ...\n"
        assert self.walk(write, f"{loop}    x = y = (z := data)\n")[1] == {"data", "one", "pair", "file", "x", "y", "z"}

    def test_methods_are_found_by_their_name(self, write: Write) -> None:
        body = "    thing = Thing(data)\n    thing.method(more)\n    more.method(data)\n"
        modules, names = self.walk(write, body, other=self.OTHER, third=self.THIRD)
        assert modules == {"start.py", "other.py"}
        assert names == {"data", "thing", "extra"}

    def test_constructor_and_properties_of_a_class_are_entered(self, write: Write) -> None:
        other = """
            from functools import cached_property
            from shared.third import third
            class Thing:
                def __init__(self, given): self.kept = given
                @cached_property
                def longest(self): return third(self.kept)
        """
        modules, names = self.walk(write, "    Thing(data).longest\n", other=other, third=self.THIRD)
        assert modules == {"start.py", "other.py", "third.py"}
        assert names == {"data", "given", "piece"}

    def test_class_method_is_found_in_the_class_that_is_named(self, write: Write) -> None:
        other = "class Thing:\n    @classmethod\n    def of(cls, given): ...\n\ndef other(cells): Thing.of(cells)\n"
        third = "import shared.other\nclass Different:\n    def of(self, piece): ...\n"
        body = "    import shared.third\n    other(data)\n"
        modules, names = self.walk(write, body, other=other, third=third)
        assert modules == {"start.py", "other.py"}
        assert names == {"data", "cells", "given"}

    def test_function_passed_as_an_argument_is_entered(self, write: Write) -> None:
        body = "    return list(map(other, data))\n"
        assert self.walk(write, body, other=self.OTHER, third=self.THIRD)[0] == {"start.py", "other.py", "third.py"}

    def test_recursion_ends(self, write: Write) -> None:
        assert self.walk(write, "    again = start(data, more)\n    start(more, again)\n")[1] == {
            "data",
            "again",
            "more",
        }

    @pytest.mark.parametrize(
        "start", [("shared/no.py", "f", "a"), ("shared/a.py", "g", "a"), ("shared/a.py", "f", "b")]
    )
    def test_start_that_is_gone_is_an_error(self, write: Write, start: tuple[str, str, str]) -> None:
        with pytest.raises(LookupError):
            walk_row(write({"shared/a.py": "def f(a): ..."}), start)


class TestCommand:
    FILES: Final = {
        "shared/scoring/chunk.py": """
            from shared.delimited.table import Table
            def score_chunk(data): return Table(data)
        """,
        "shared/delimited/table.py": """
            class Table:
                def numbers(self): ...
                def _private(self): ...
            class Unused:
                def method(self): ...
        """,
        "functions/f/handler.py": "",
        "functions/f/__init__.py": "",
    }

    def figures(self, root: Path) -> dict[str, int]:
        return {figure.name: figure.number for figure in layout.figures(root)}

    def test_figures_count_files_and_public_names(self, write: Write, tmp_path: Path) -> None:
        write(self.FILES | {"shared/long.py": "x = 1\n" * 301})
        found = self.figures(tmp_path)
        assert found["modules in shared and functions"] == 4
        assert found["files over 300 lines"] == 1
        assert found["files under 40 lines"] == 3
        assert found["modules that a row's bytes pass (estimate)"] == 2
        assert found["public names and methods of shared/delimited"] == 2
        assert "public names and methods of shared/workbook" not in found

    def test_broken_gate_is_printed_and_makes_the_exit_code_1(
        self, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(self.FILES)
        assert layout.main([], tmp_path) == 0
        write(self.FILES | {"shared/a.py": "import shared.b", "shared/b.py": "import shared.a"})
        assert layout.main([], tmp_path) == 1
        assert "no import cycle between files: BROKEN 1 times\n" in capsys.readouterr().out

    def test_places_are_listed_when_verbose(
        self, write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write(self.FILES)
        layout.main([], tmp_path)
        assert "Table.numbers" not in capsys.readouterr().out
        layout.main(["-v"], tmp_path)
        assert "shared/delimited/table.py: Table.numbers\n" in capsys.readouterr().out
