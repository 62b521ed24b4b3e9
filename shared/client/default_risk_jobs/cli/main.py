"""`default-risk`: the command-line interface.

Every command takes `--json`; those that call the API take `--deployment`. `exit_codes` has the exit codes.
"""

from collections.abc import Callable
from importlib.metadata import version
from inspect import cleandoc
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from default_risk_jobs.cli import deployments, jobs, local, login, manage, reference, results, upload, watch
from default_risk_jobs.cli.environment import Environment, print_line
from default_risk_jobs.cli.exit_codes import ExitCode
from default_risk_jobs.errors import ClientError

DISTRIBUTION = "default-risk-jobs"


class _ReportingGroup(TyperGroup):
    """Prints the errors that commands raise and sets the exit code."""

    def invoke(self, ctx: Any) -> Any:
        environment = ctx.ensure_object(Environment)
        try:
            return super().invoke(ctx)
        except ClientError as error:
            raise typer.Exit(environment.report(error)) from error
        except KeyboardInterrupt as error:
            print_line(environment.err, "Interrupted.")
            raise typer.Exit(ExitCode.INTERRUPTED) from error


app = typer.Typer(
    name="default-risk",
    cls=_ReportingGroup,
    no_args_is_help=True,
    # Tracebacks with local variables would show tokens.
    pretty_exceptions_enable=False,
    help="Score company financials for default risk: upload files, watch jobs, download results.",
    epilog=(
        "Exit codes: 0 success, 1 rejected, 2 usage, 3 not signed in, 4 forbidden, 5 not found, 6 wrong state, "
        "7 invalid file, 8 unavailable, 9 job failed, 10 job cancelled, 130 interrupted."
    ),
)


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if is_wanted:
        typer.echo(version(DISTRIBUTION))
        raise typer.Exit


def _help_of(command: Callable[..., None]) -> str:
    """Returns the docstring with one line per paragraph, since Typer keeps line breaks after the first paragraph."""
    paragraphs = cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


@app.callback()
def start(
    ctx: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - handled by the callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Score company financials for default risk: upload files, watch jobs, download results."""
    ctx.ensure_object(Environment)


_COMMANDS: tuple[Callable[..., None], ...] = (
    login.login,
    login.logout,
    upload.upload,
    jobs.jobs,
    jobs.show,
    watch.watch,
    manage.cancel,
    manage.retry,
    results.download,
    results.errors,
    manage.delete,
    reference.template,
    reference.schema,
    reference.models,
    local.local,
)
for command in _COMMANDS:
    app.command(help=_help_of(command))(command)
app.add_typer(deployments.app)


def main() -> None:
    """Runs the command line."""
    app()


if __name__ == "__main__":
    main()
