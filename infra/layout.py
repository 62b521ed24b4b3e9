"""Where things are in the checkout."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "infra" / "requirements"


def project_context() -> dict[str, Any]:
    """The context of cdk.json, which only the cdk command reads by itself."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context
