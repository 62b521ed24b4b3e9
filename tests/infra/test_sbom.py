"""The SBOM has every package of every layer with its locked version and hashes."""

import json
import re
from typing import Any, get_args

import pytest

from infra.npm.packages import FOLDER
from infra.npm.vendor import VENDOR
from infra.sbom import bill_of_materials, deployed_lists
from infra.source import DependencyList

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    read: Document = json.loads(bill_of_materials())
    return read


def components(document: Document, kind: str) -> list[Document]:
    return [component for component in document["components"] if component["purl"].startswith(f"pkg:{kind}/")]


def test_sbom_covers_the_deployed_layers() -> None:
    assert {path.stem for path in deployed_lists()} == set(get_args(DependencyList))


def test_sbom_is_cyclonedx_with_npm_and_pypi_packages_only(document: Document) -> None:
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert len(document["components"]) == len(components(document, "npm")) + len(components(document, "pypi"))


def test_sbom_has_every_locked_package_with_its_hashes_and_layers(document: Document) -> None:
    found = {
        (layer["value"], component["purl"].removeprefix("pkg:pypi/")): {one["content"] for one in component["hashes"]}
        for component in components(document, "pypi")
        for layer in component["properties"]
    }
    locked = {}
    for path in deployed_lists():
        for entry in re.split(r"^(?=\S+==)", path.read_text(), flags=re.MULTILINE)[1:]:
            locked[path.stem, entry.split()[0].replace("==", "@")] = set(re.findall(r"sha256:(\w+)", entry))
    assert found == locked
    assert all(found.values())


def test_sbom_has_every_locked_library_of_the_console(document: Document) -> None:
    found = {component["name"]: component for component in components(document, "npm")}
    assert set(found) == {path.name for path in VENDOR.iterdir() if path.is_dir()}
    requested = json.loads((FOLDER / "console" / "package.json").read_text())["dependencies"]
    for name, component in found.items():
        assert component["properties"] == [{"name": "function", "value": "console"}]
        assert len(component["hashes"][0]["content"]) == 128
        assert component["version"] == requested.get(name, component["version"])
