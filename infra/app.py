"""Synthesises the stack: `python -m infra.app`, and what the cdk command runs.

The cdk command, and the local cloud, pass context and output folder in the environment. Every stage of AWS is checked
by cdk-nag while it is synthesised: an open finding ends the synthesis with the report.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import infra.node  # noqa: F401

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra.project import ROOT, project_context
from infra.stack import DefaultRiskJobs
from infra.stages import stage_from_context


def synthesise(*, outdir: Path, context: Mapping[str, Any]) -> Path:
    """Write the cloud assembly of one stage to `outdir`; the path of its template.

    `context` goes before that of the environment (`CDK_CONTEXT_JSON`), which goes before that of cdk.json. Raises
    ValueError when a value is wrong, and RuntimeError when cdk-nag finds something.
    """
    app = App(outdir=str(outdir), context=project_context(), post_cli_context=context)
    stage = stage_from_context(app.node.get_all_context())
    if not stage.is_local:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    stack = DefaultRiskJobs(app, stage=stage)
    app.synth()
    return outdir / stack.template_file


def main() -> None:
    """Synthesise as the environment asks."""
    try:
        synthesise(outdir=Path(os.environ.get("CDK_OUTDIR", ROOT / "cdk.out")), context={})
    except ValueError as error:
        sys.exit(f"The stack cannot be made: {error}.")


if __name__ == "__main__":
    main()
