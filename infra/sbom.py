"""What is in the bundles of the functions: `python -m infra.sbom PATH` writes it as a CycloneDX document.

Read from the locked lists, so that it is written offline and names the very files that pip takes; for the console's
pages, from the lock file that npm takes.
https://cyclonedx.org/docs/1.6/json/
"""

import json
import re
import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from infra.layout import ROOT
from infra.npm.packages import FOLDER
from infra.npm.vendor import FILES

_LISTS = ROOT / "infra" / "requirements"
# Of the tools alone: nothing of it is deployed.
_TOOLS = {"dev", "uv"}
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pinned:
    """A package of a locked list: its version, and the SHA-256 of every file of it that may be taken."""

    name: str
    version: str
    hashes: tuple[str, ...]


def deployed_lists() -> list[Path]:
    """The locked lists of the functions."""
    return sorted(path for path in _LISTS.glob("*.txt") if path.stem not in _TOOLS)


def pinned(text: str) -> Iterator[Pinned]:
    """The packages of a locked list."""
    starts = list(_PINNED.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    for match, end in zip(starts, ends, strict=True):
        yield Pinned(match["name"], match["version"], tuple(_HASH.findall(text, match.end(), end)))


def libraries_of_the_console() -> Iterator[Component]:
    """What the console's pages are built on, with the SHA-512 of the package of npm that each file was copied from."""
    locked = json.loads((FOLDER / "console" / "package-lock.json").read_text())["packages"]
    for name in FILES:
        package = locked[f"node_modules/{name}"]
        digest = b64decode(package["integrity"].removeprefix("sha512-")).hex()
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=package["version"],
            bom_ref=f"{name}@{package['version']}",
            purl=PackageURL("npm", name=name, version=package["version"]),
            hashes=[HashType(alg=HashAlgorithm.SHA_512, content=digest)],
            properties=[Property(name="function", value="console")],
        )


def bill_of_materials(lists: Sequence[Path]) -> str:
    """The document: every package once, with the functions it is bundled with."""
    functions: dict[Pinned, list[str]] = {}
    for path in lists:
        for package in pinned(path.read_text()):
            functions.setdefault(package, []).append(path.stem)
    components = [
        Component(
            type=ComponentType.LIBRARY,
            name=package.name,
            version=package.version,
            bom_ref=f"{package.name}=={package.version}",
            purl=PackageURL("pypi", name=package.name, version=package.version),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in package.hashes],
            properties=[Property(name="function", value=name) for name in names],
        )
        for package, names in functions.items()
    ]
    outputter = make_outputter(
        Bom(components=[*components, *libraries_of_the_console()]), OutputFormat.JSON, SchemaVersion.V1_6
    )
    return outputter.output_as_string(indent=2)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(bill_of_materials(deployed_lists()) + "\n")
