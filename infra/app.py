"""Synthesises the stack: `python -m infra.app`, and what the cdk command runs.

The cdk command, and the local cloud, pass context and output folder in the environment.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import infra.node  # noqa: F401

from aws_cdk import App

from infra.layout import ROOT
from infra.stack import DefaultRiskJobs
from infra.stages import stage_from_context

NO_BUNDLES: Mapping[str, Any] = {"aws:cdk:bundling-stacks": []}


def project_context() -> dict[str, Any]:
    """The context of cdk.json, which only the cdk command reads by itself."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def synthesise(*, outdir: Path, context: Mapping[str, Any]) -> Path:
    """Write the cloud assembly of one stage to `outdir`; the path of its template."""
    merged = {**project_context(), **context}
    app = App(outdir=str(outdir), context=merged)
    stack = DefaultRiskJobs(app, stage=stage_from_context(merged))
    app.synth()
    return outdir / stack.template_file


def main() -> None:
    """Synthesise as the environment asks: its context (`CDK_CONTEXT_JSON`) goes before that of cdk.json."""
    app = App(outdir=os.environ.get("CDK_OUTDIR", str(ROOT / "cdk.out")), context=project_context())
    DefaultRiskJobs(app, stage=stage_from_context({name: app.node.try_get_context(name) or "" for name in _KEYS}))
    app.synth()


_KEYS = ("stage", "issuer", "audience", "jwks_url", "endpoint_url")


if __name__ == "__main__":
    main()
