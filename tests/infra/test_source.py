import json
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from grimp import ImportGraph, build_graph
from packaging.utils import canonicalize_name

import infra.source
from functions.console.files import FOLDER
from infra.app import synthesize
from infra.project import REQUIREMENTS, ROOT
from infra.source import PYTHON, BundleTooLargeError, copy_console, copy_source
from tests.synthesized import NO_BUNDLES, Template

# The dependency list of each function that has one.
LISTS = {
    "api": "api",
    "export": "export",
    "finalize": "numeric",
    "intake": "worker",
    "plan": "numeric",
    "publish": "worker",
    "reconcile": "worker",
    "retry": "worker",
    "score": "numeric",
}


@pytest.fixture(scope="module")
def imports() -> ImportGraph:
    return build_graph(
        "functions", "shared", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def test_lambda_asset_contains_only_code_of_functions(tmp_path: Path) -> None:
    copy_source(tmp_path)

    assert {entry.name for entry in tmp_path.iterdir()} == {"functions", "shared"}
    assert (tmp_path / "functions" / "score" / "handler.py").exists()
    assert list((tmp_path / "shared" / "scoring" / "artifacts").glob("*.json"))
    assert not (tmp_path / "functions" / "console").exists()
    for left_out in ("training", "client"):
        assert (ROOT / "shared" / left_out).is_dir()
        assert not (tmp_path / "shared" / left_out).exists()


def test_console_asset_contains_its_pages_and_no_other_code(tmp_path: Path) -> None:
    copy_console(tmp_path)

    assert {entry.name for entry in tmp_path.iterdir()} == {"functions"}
    assert {entry.name for entry in (tmp_path / "functions").iterdir()} - {"__pycache__"} == {"__init__.py", "console"}
    code = {entry.name for entry in (tmp_path / "functions" / "console").iterdir()} - {"__pycache__"}
    assert code == {"__init__.py", "files.py", "handler.py", "site"}
    served = {file.relative_to(FOLDER) for file in FOLDER.rglob("*") if file.is_file()}
    copied = tmp_path / "functions" / "console" / "site"
    assert {file.relative_to(copied) for file in copied.rglob("*") if file.is_file()} == served


def test_own_models_replace_shipped_models_of_the_same_name(tmp_path: Path) -> None:
    artifacts = ROOT / "shared" / "scoring" / "artifacts"
    models, deployed = tmp_path / "models", tmp_path / "deployed"
    models.mkdir()
    for ending in (".json", ".card.json"):
        text = (artifacts / f"statements{ending}").read_text()
        (models / f"statements{ending}").write_text(f"{text}\n")
    copy_source(deployed, models=models)
    files = deployed / "shared" / "scoring" / "artifacts"
    assert (files / "statements.json").read_bytes() == (models / "statements.json").read_bytes()
    assert (files / "statements.json").read_bytes() != (artifacts / "statements.json").read_bytes()
    assert (files / "ratios-annual.json").read_bytes() == (artifacts / "ratios-annual.json").read_bytes()


def test_stack_with_undeployable_models_is_refused(tmp_path: Path) -> None:
    (tmp_path / "statements.json").write_text('{"schema_version": 7}')
    (tmp_path / "statements.card.json").write_text("{}")
    with pytest.raises(ValueError, match="model_folder cannot be deployed: the artifact has schema version 7"):
        synthesize(outdir=tmp_path / "out", context={"model_folder": str(tmp_path), **NO_BUNDLES})


@pytest.mark.skipif(sys.version_info[:2] != PYTHON, reason="bytecode is compiled by the Python that Lambda runs")
def test_same_source_has_the_same_asset_hash(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        copy_source(folder)
        contents.append({file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.*") if file.is_file()})

    assert contents[0] == contents[1]
    assert any(path.suffix == ".pyc" for path in contents[0])


def test_each_function_has_the_layer_of_its_dependencies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(dependencies: str, target: Path) -> None:
        (target / "list").write_text(dependencies)

    monkeypatch.setattr(infra.source, "install_dependencies", install)
    path = synthesize(outdir=tmp_path, context={"stage": "dev"})
    synthesized = Template(json.loads(path.read_text()))

    bundled = {
        name: (tmp_path / f"asset.{layer['Content']['S3Key'].removesuffix('.zip')}" / "list").read_text()
        for name, layer in synthesized.resources("AWS::Lambda::LayerVersion").items()
    }
    assert len(bundled) == len(set(bundled.values()))
    lists = {
        function["Handler"].split(".")[1]: [bundled[layer["Ref"]] for layer in function.get("Layers", [])]
        for function in synthesized.resources("AWS::Lambda::Function").values()
    }
    without_layer: dict[str, list[str]] = {"claims": [], "console": []}
    assert lists == {function: [name] for function, name in LISTS.items()} | without_layer


@pytest.mark.parametrize("function", LISTS)
def test_each_function_imports_only_its_listed_packages(function: str, imports: ImportGraph) -> None:
    distributions = packages_distributions()
    upstream = imports.find_upstream_modules(f"functions.{function}", as_package=True)
    imported = {
        canonicalize_name(name)
        for module in (upstream & distributions.keys()) - {"functions", "shared"}
        for name in distributions[module]
    }
    locked = (REQUIREMENTS / f"{LISTS[function]}.txt").read_text()

    assert "pydantic" in imported
    assert imported <= {line.partition("==")[0] for line in locked.splitlines()}


def test_bundle_above_its_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(*_arguments: object, **_options: object) -> None:
        (tmp_path / "python").mkdir()
        (tmp_path / "python" / "large.py").write_bytes(b"#" * 2_000)

    monkeypatch.setattr("infra.source.subprocess.run", install)
    monkeypatch.setattr(infra.source, "_ZIPPED_LIMITS", {"api": 100})
    with pytest.raises(BundleTooLargeError, match="api is"):
        infra.source.install_dependencies("api", tmp_path)


def test_bundles_describe_exactly_the_services_that_functions_call(tmp_path: Path) -> None:
    called = re.findall(r'\.client\("(\w+)"', (ROOT / "shared" / "aws" / "clients.py").read_text())
    assert set(called) == set(infra.source.SERVICES)
    packages = tmp_path / "python"
    for folder in ("botocore/data/s3", "botocore/data/ec2", "boto3/data/s3"):
        (packages / folder).mkdir(parents=True)
    (packages / "botocore" / "data" / "endpoints.json").touch()
    infra.source._trim(packages)
    assert {path.relative_to(packages).as_posix() for path in packages.rglob("*") if not path.is_dir()} == {
        "botocore/data/endpoints.json"
    }
    assert [path.name for path in packages.glob("botocore/data/*/")] == ["s3"]
    assert list(packages.glob("boto3/data/*/")) == []
