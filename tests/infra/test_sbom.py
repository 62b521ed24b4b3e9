"""The bill of materials has every package of every bundle, in the version and with the hashes that are locked."""

import json

from infra.sbom import bill_of_materials, deployed_lists, pinned


def test_every_function_with_a_bundle_has_its_list_in_it() -> None:
    lists = {path.stem for path in deployed_lists()}
    assert {"api", "score"} <= lists
    assert not lists & {"dev", "uv"}


def test_every_package_of_every_list_is_a_component_with_its_hashes_and_functions() -> None:
    document = json.loads(bill_of_materials(deployed_lists()))
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    found = {
        (component["name"], component["version"], function["value"]): {one["content"] for one in component["hashes"]}
        for component in document["components"]
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
    assert {f"pkg:pypi/{name}@{version}" for name, version, _ in locked} == purls


def test_a_list_is_read_with_its_markers_and_comments() -> None:
    digest = "a" * 64
    text = f"one==1.0 ; python_version >= '3.11' \\\n    --hash=sha256:{digest}\n    # via two\ntwo==2.0rc1 \\\n"
    first, second = pinned(text)
    assert (first.name, first.version, first.hashes) == ("one", "1.0", (digest,))
    assert (second.name, second.version, second.hashes) == ("two", "2.0rc1", ())
