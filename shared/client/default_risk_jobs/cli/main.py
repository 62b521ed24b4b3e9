"""`default-risk`: the command line, put together from its commands.

Exit codes are those of `exit_codes`; every command takes `--json` and `--deployment`.
"""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from default_risk_jobs.cli import deployments, jobs, local, login, manage, reference, results, upload, watch
from default_risk_jobs.cli.environment import Environment, print_line
from default_risk_jobs.cli.exit_codes import ExitCode
from default_risk_jobs.errors import ClientError

DISTRIBUTION = "default-risk-jobs"


class _Reporting(TyperGroup):
    """Turns what commands raise into a sentence and an exit code."""

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
    cls=_Reporting,
    no_args_is_help=True,
    # A traceback with local variables would show tokens.
    pretty_exceptions_enable=False,
    help="Score company financials for default risk: upload files, watch their jobs, download the rows.",
    epilog=(
        "Exit codes: 0 done, 1 refused, 2 usage, 3 not signed in, 4 forbidden, 5 not found, 6 wrong state, "
        "7 bad file, 8 unavailable, 9 job failed, 10 job cancelled, 130 interrupted."
    ),
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(version(DISTRIBUTION))
        raise typer.Exit


@app.callback()
def start(
    ctx: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Score company financials for default risk: upload files, watch their jobs, download the rows."""
    ctx.ensure_object(Environment)


for command in (
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
):
    app.command()(command)
app.add_typer(deployments.app)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
