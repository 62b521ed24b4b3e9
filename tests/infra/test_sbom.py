"""The bill of materials has every package of every bundle, in the version and with the hashes that are locked."""

import json
from typing import get_args

from infra.layout import ROOT
from infra.npm.vendor import VENDOR
from infra.sbom import bill_of_materials, deployed_lists, pinned
from infra.source import DependencyList


def test_the_lists_of_the_layers_are_the_deployed_ones() -> None:
    assert {path.stem for path in deployed_lists()} == set(get_args(DependencyList))


def test_every_package_of_every_list_is_a_component_with_its_hashes_and_functions() -> None:
    document = json.loads(bill_of_materials(deployed_lists()))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = {
        (component["name"], component["version"], function["value"]): {one["content"] for one in component["hashes"]}
        for component in document["components"]
        if component["purl"].startswith("pkg:pypi/")
        for function in component["properties"]
    }
    locked: dict[tuple[str, str, str], set[str]] = {}
    for path in deployed_lists():
        packages = list(pinned(path.read_text()))
        assert len(packages) == path.read_text().count("==")
        locked |= {(package.name, package.version, path.stem): set(package.hashes) for package in packages}
    assert found == locked
    assert all(found.values())
    purls = {component["purl"] for component in document["components"]}
    assert {f"pkg:pypi/{name}@{version}" for name, version, _ in locked} == {
        purl for purl in purls if "pkg:pypi/" in purl
    }


def test_every_library_of_the_console_is_a_component_as_it_is_locked() -> None:
    components = json.loads(bill_of_materials([]))["components"]
    assert {component["name"] for component in components} == {path.name for path in VENDOR.iterdir() if path.is_dir()}
    asked = json.loads((ROOT / "infra" / "npm" / "console" / "package.json").read_text())["dependencies"]
    for component in components:
        assert component["properties"] == [{"name": "function", "value": "console"}]
        assert len(component["hashes"][0]["content"]) == 128
        assert component["version"] == asked.get(component["name"], component["version"])


def test_a_list_is_read_with_its_markers_and_comments() -> None:
    digest = "a" * 64
    text = f"one==1.0 ; python_version >= '3.11' \\\n    --hash=sha256:{digest}\n    # via two\ntwo==2.0rc1 \\\n"
    first, second = pinned(text)
    assert (first.name, first.version, first.hashes) == ("one", "1.0", (digest,))
    assert (second.name, second.version, second.hashes) == ("two", "2.0rc1", ())
