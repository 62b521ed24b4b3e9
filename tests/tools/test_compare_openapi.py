import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.project import ROOT
from tests.tools.compare_openapi import ABSENT, DocumentError, differences, main

JOB = {
    "type": "object",
    "title": "Job",
    "description": "A bulk upload.",
    "properties": {
        "id": {"type": "string", "title": "Id"},
        "description": {"type": "string", "maxLength": 200},
        "status": {"$ref": "#/components/schemas/Status"},
        "parent": {"anyOf": [{"$ref": "#/components/schemas/Job"}, {"type": "null"}]},
        "first": {"$ref": "#/components/schemas/Status", "default": "queued"},
    },
    "required": ["id", "status"],
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Jobs", "version": "1"},
    "paths": {
        "/jobs/{id}": {
            "get": {
                "operationId": "get_job",
                "summary": "One job",
                "tags": ["jobs", "reading"],
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "security": [{"token": ["read"]}],
                "responses": {
                    "200": {
                        "description": "The job.",
                        "headers": {"title": {"schema": {"type": "string"}}},
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Job"},
                                "example": {"id": "1", "title": "data", "status": "queued"},
                            }
                        },
                    },
                    "default": {"description": "A problem.", "content": {"application/json": {"schema": {}}}},
                },
            }
        }
    },
    "components": {
        "schemas": {"Job": JOB, "Status": {"type": ["string", "null"], "enum": ["queued", "completed", None]}},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
    "x-limits": [{"title": "bytes", "value": 1}],
}
GET = DOCUMENT["paths"]["/jobs/{id}"]["get"]


def changed(path: str, value: Any) -> Any:
    """Returns a copy of the document with another value at a JSON pointer."""
    document = copy.deepcopy(DOCUMENT)
    *steps, last = [step.replace("~1", "/") for step in path.split("/")[1:]]
    node: Any = document
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else node[step]
    if value is ABSENT:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = value
    return document


def replaced(old: str, new: str) -> Any:
    """Returns a copy of the document with a text replaced wherever it occurs."""
    assert old in json.dumps(DOCUMENT)
    return json.loads(json.dumps(DOCUMENT).replace(old, new))


def pointers(new: Any) -> list[str]:
    return [difference.pointer for difference in differences(DOCUMENT, new)]


class TestIgnored:
    @pytest.mark.parametrize(
        "path",
        [
            "/info/title",
            "/paths/~1jobs~1{id}/get/operationId",
            "/paths/~1jobs~1{id}/get/responses/200/description",
            "/components/schemas/Job/title",
            "/components/schemas/Job/description",
            "/components/schemas/Job/properties/id/title",
        ],
    )
    def test_titles_descriptions_and_operation_ids_are_ignored(self, path: str) -> None:
        assert pointers(changed(path, "other")) == []
        assert pointers(changed(path, ABSENT)) == []

    @pytest.mark.parametrize("name", ["schemas/Job", "schemas/Status"])
    def test_renamed_component_is_equal(self, name: str) -> None:
        kind, _, last = name.partition("/")
        renamed = replaced(f"#/components/{name}", "#/components/schemas/a~1b")
        renamed["components"][kind]["a/b"] = renamed["components"][kind].pop(last)
        assert pointers(renamed) == []

    def test_renamed_security_scheme_is_equal(self) -> None:
        assert pointers(replaced('"token"', '"access"')) == []

    def test_inlined_component_is_equal(self) -> None:
        status = DOCUMENT["components"]["schemas"]["Status"]
        inlined = changed("/components/schemas/Job/properties/status", status)
        assert pointers(inlined) == []
        inlined["components"]["schemas"]["Job"]["properties"]["first"] = {**status, "default": "queued"}
        assert pointers(inlined) == []

    def test_merged_components_are_equal(self) -> None:
        split = changed("/components/schemas/Other", DOCUMENT["components"]["schemas"]["Status"])
        split["components"]["schemas"]["Job"]["properties"]["status"] = {"$ref": "#/components/schemas/Other"}
        assert pointers(split) == []
        assert differences(split, DOCUMENT) == []

    def test_component_without_references_to_it_is_ignored(self) -> None:
        assert pointers(changed("/components/schemas/Unused", {"type": "object"})) == []

    def test_order_of_keys_and_of_sets_is_ignored(self) -> None:
        def turned(node: Any) -> Any:
            if isinstance(node, dict):
                return {key: turned(value) for key, value in reversed(node.items())}
            return node

        document = turned(DOCUMENT)
        document["components"]["schemas"]["Job"]["required"].reverse()
        document["components"]["schemas"]["Status"]["enum"].reverse()
        document["components"]["schemas"]["Status"]["type"].reverse()
        assert list(document) != list(DOCUMENT)
        assert pointers(document) == []


class TestCompared:
    def test_other_status_code_is_reported_with_both_values(self) -> None:
        responses = {("201" if key == "200" else key): value for key, value in GET["responses"].items()}
        found = differences(DOCUMENT, changed("/paths/~1jobs~1{id}/get/responses", responses))
        assert [(one.pointer, one.old == ABSENT, one.new == ABSENT) for one in found] == [
            ("/paths/~1jobs~1{id}/get/responses/200", False, True),
            ("/paths/~1jobs~1{id}/get/responses/201", True, False),
        ]

    def test_dropped_required_field_is_reported(self) -> None:
        (found,) = pointers(changed("/components/schemas/Job/required", ["id"]))
        assert found.endswith("/content/application~1json/schema/required")

    def test_property_named_like_an_ignored_keyword_is_compared(self) -> None:
        there = "/paths/~1jobs~1{id}/get/responses/200/content/application~1json/schema/properties/description"
        assert pointers(changed("/components/schemas/Job/properties/description", ABSENT)) == [there]
        assert pointers(changed("/components/schemas/Job/properties/description/maxLength", 9)) == [
            f"{there}/maxLength"
        ]
        header = "/paths/~1jobs~1{id}/get/responses/200/headers/title"
        assert pointers(changed(header, ABSENT)) == [header]

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("/paths/~1jobs~1{id}/get/summary", "Another job"),
            ("/paths/~1jobs~1{id}/get/tags", ["reading", "jobs"]),
            ("/paths/~1jobs~1{id}/get/parameters/0/required", 1),
            ("/paths/~1jobs~1{id}/get/responses/200/content/application~1json/example/title", "other data"),
            ("/paths/~1jobs~1{id}/get/responses/default/content", {}),
            ("/components/schemas/Job/properties/first/default", "completed"),
            ("/components/securitySchemes/token/scheme", "basic"),
            ("/x-limits/0/title", "rows"),
        ],
    )
    def test_change_that_a_client_can_observe_is_one_difference(self, path: str, value: Any) -> None:
        assert len({pointer.rsplit("/", 1)[0] for pointer in pointers(changed(path, value))}) == 1

    def test_component_in_two_places_is_reported_at_the_first(self) -> None:
        old = changed("/components/schemas/Job/properties/state", {"$ref": "#/components/schemas/Status"})
        new = copy.deepcopy(old)
        new["components"]["schemas"]["Status"]["enum"] = ["queued", "completed"]
        del old["components"]["schemas"]["Job"]["properties"]["first"]
        del new["components"]["schemas"]["Job"]["properties"]["first"]
        (found,) = differences(old, new)
        assert found.pointer.endswith("/schema/properties/state/enum")
        assert (found.old, found.new) == ('["completed", "queued", null]', '["completed", "queued"]')

    def test_every_change_of_one_value_is_found(self) -> None:
        values = [path for path in leaves(DOCUMENT) if path.rsplit("/", 1)[1] not in ("description", "operationId")]
        values = [path for path in values if not path.endswith("/title") or "example" in path or "x-" in path]
        references = [path for path in values if path.endswith("$ref")]
        assert len(values) > 30
        assert [path for path in values if path not in references and not pointers(changed(path, "other"))] == []
        nowhere = "#/components/schemas/Nowhere"
        for path in references:
            with pytest.raises(DocumentError, match="leads nowhere"):
                pointers(changed(path, nowhere))


def leaves(node: Any, path: str = "") -> Iterator[str]:
    """Yields the JSON pointers of all scalars."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}/{key.replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, f"{path}/{index}")
    else:
        yield path


class TestRecursion:
    def test_unrolled_recursive_schema_is_equal(self) -> None:
        unrolled = copy.deepcopy(DOCUMENT)
        unrolled["components"]["schemas"]["Job"]["properties"]["parent"]["anyOf"][0] = copy.deepcopy(JOB)
        assert pointers(unrolled) == []

    def test_difference_inside_the_unrolled_part_is_found(self) -> None:
        unrolled = copy.deepcopy(DOCUMENT)
        inner = copy.deepcopy(JOB)
        inner["required"] = ["id"]
        unrolled["components"]["schemas"]["Job"]["properties"]["parent"]["anyOf"][0] = inner
        assert pointers(unrolled)[0].endswith("/properties/parent/anyOf/0/required")

    def test_discriminator_leads_to_schemas_of_any_name(self) -> None:
        job = "/components/schemas/Job/discriminator"
        old = changed(job, {"propertyName": "id", "mapping": {"a": "#/components/schemas/Status"}})
        new = copy.deepcopy(old)
        new["components"]["schemas"]["Other"] = copy.deepcopy(new["components"]["schemas"]["Status"])
        new["components"]["schemas"]["Job"]["discriminator"]["mapping"]["a"] = "#/components/schemas/Other"
        assert differences(old, new) == []
        new["components"]["schemas"]["Other"]["type"] = "integer"
        assert [one.pointer.rsplit("/", 2)[1:] for one in differences(old, new)] == [["a", "type"]]

    def test_reference_to_itself_is_an_error(self) -> None:
        itself = changed("/components/schemas/Status", {"$ref": "#/components/schemas/Status"})
        with pytest.raises(DocumentError, match="leads to itself"):
            pointers(itself)


class TestCommand:
    def write(self, path: Path, content: Any) -> str:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def test_equal_documents_exit_with_0(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        old = self.write(tmp_path / "old.json", DOCUMENT)
        assert main([old, old]) == 0
        assert capsys.readouterr().out == "equal\n"

    def test_different_documents_exit_with_1_and_print_where(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        old, new = self.write(tmp_path / "old.json", DOCUMENT), changed("/openapi", "3.0.3")
        assert main([old, self.write(tmp_path / "new.json", new)]) == 1
        assert capsys.readouterr().out == '/openapi\n  old: "3.1.0"\n  new: "3.0.3"\n1 difference\n'

    @pytest.mark.parametrize("content", ["not JSON", [], {"swagger": "2.0"}])
    def test_file_that_is_no_document_exits_with_2(self, tmp_path: Path, content: Any) -> None:
        good = self.write(tmp_path / "old.json", DOCUMENT)
        for arguments in ([good], [good, self.write(tmp_path / "new.json", content)], [good, str(tmp_path / "none")]):
            with pytest.raises(SystemExit) as caught:
                main(arguments)
            assert caught.value.code == 2


def test_own_document_with_every_component_renamed_is_equal() -> None:
    text = (ROOT / "openapi.json").read_text()
    renamed = json.loads(text.replace("#/components/schemas/", "#/components/schemas/Renamed"))
    schemas = renamed["components"]["schemas"]
    renamed["components"]["schemas"] = {f"Renamed{name}": schema for name, schema in schemas.items()}
    assert differences(json.loads(text), renamed) == []
