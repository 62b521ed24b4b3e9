"""The CDK app: `python -m infra.app` synthesizes the stack, and the cdk command runs the same.

The cdk command and the local cloud pass context and output folder in environment variables. cdk-nag checks every stage
for AWS during synthesis; an open finding fails the synthesis with a report.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import infra.node  # noqa: F401

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.project import ROOT, project_context
from infra.stack import DefaultRiskJobs
from infra.stages import stage_from_context


def synthesize(*, outdir: Path, context: Mapping[str, Any]) -> Path:
    """Writes the cloud assembly of one stage to `outdir` and returns the path of its template.

    `context` takes precedence over the environment (`CDK_CONTEXT_JSON`), which takes precedence over cdk.json. Raises
    ValueError for an invalid value, and RuntimeError for a cdk-nag finding.
    """
    app = App(outdir=str(outdir), context=project_context(), post_cli_context=context)
    stage = stage_from_context(app.node.get_all_context())
    if not stage.is_local:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    stack = DefaultRiskJobs(app, stage=stage)
    app.synth()
    return outdir / stack.template_file


def main() -> None:
    """Synthesizes the stage that the environment and cdk.json choose."""
    try:
        synthesize(outdir=Path(os.environ.get("CDK_OUTDIR", ROOT / "cdk.out")), context={})
    except ValueError as error:
        sys.exit(f"The stack cannot be synthesized: {error}.")


if __name__ == "__main__":
    main()
