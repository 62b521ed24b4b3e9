"""Writes the CycloneDX bill of materials (SBOM) of the deployed code: `python -m infra.sbom PATH`.

Reads the locked dependency lists and the console's lock file, so it works offline and includes the hashes of the
packages. `pip-audit --format cyclonedx-json` includes neither package URLs nor hashes, and `uv export` reads only a
`uv.lock`, which contains the URLs of the index it was created with.
https://cyclonedx.org/docs/1.6/json/
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from pip_requirements_parser import InstallRequirement, RequirementsFile

from infra.npm.packages import bill_of_materials as npm_bill_of_materials
from infra.npm.vendor import FILES
from infra.project import REQUIREMENTS

# Lists of development tools, which are not deployed.
_TOOLS = {"dev", "uv", "deploy"}


def deployed_lists() -> list[Path]:
    """Returns the locked dependency lists of the functions."""
    return sorted(path for path in REQUIREMENTS.glob("*.txt") if path.stem not in _TOOLS)


def python_packages(lists: Sequence[Path]) -> Iterator[Component]:
    """Yields each package of the locked lists once, with the hashes of its files and the layers that contain it."""
    layers: dict[str, list[str]] = {}
    locked: dict[str, InstallRequirement] = {}
    for path in lists:
        for requirement in RequirementsFile.from_file(str(path)).requirements:
            reference = f"{requirement.name}=={requirement.get_pinned_version}"
            locked[reference] = requirement
            layers.setdefault(reference, []).append(path.stem)
    for reference, requirement in locked.items():
        yield Component(
            name=requirement.name,
            version=requirement.get_pinned_version,
            bom_ref=reference,
            purl=PackageURL("pypi", name=requirement.name, version=requirement.get_pinned_version),
            hashes=[
                HashType(alg=HashAlgorithm.SHA_256, content=option.removeprefix("sha256:"))
                for option in requirement.hash_options
            ],
            properties=[Property(name="layer", value=layer) for layer in layers[reference]],
        )


def console_libraries() -> Iterator[Component]:
    """Yields each npm package of which the console serves a copy. Raises `NpmError`."""
    for component in npm_bill_of_materials("console")["components"]:
        if component["name"] in FILES:
            component["properties"] = [{"name": "function", "value": "console"}]
            # A decorator adds this method, which mypy cannot see.
            yield Component.from_json(component)  # type: ignore[attr-defined]


def bill_of_materials() -> str:
    """Returns the document as JSON. Raises `NpmError`."""
    bom = Bom(components=[*python_packages(deployed_lists()), *console_libraries()])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(bill_of_materials() + "\n")
