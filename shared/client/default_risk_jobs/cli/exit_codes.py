"""How a command ended: the exit code for scripts, and for people a hint on what to do about an error."""

from enum import IntEnum

from default_risk_jobs.errors import (
    ApiError,
    ClientError,
    NoResponseError,
    SignInError,
    UnavailableError,
    UnreadableFileError,
    WaitTimeoutError,
)


class ExitCode(IntEnum):
    """The exit codes of every command; a usage error is 2, as everywhere."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    FORBIDDEN = 4
    NOT_FOUND = 5
    WRONG_STATE = 6
    BAD_FILE = 7
    UNAVAILABLE = 8
    JOB_FAILED = 9
    JOB_CANCELLED = 10
    INTERRUPTED = 130


class UsageError(ClientError):
    """The command cannot be done as it was given."""


_FILE_CODES = frozenset(
    {
        "missing_columns",
        "duplicate_columns",
        "empty_file",
        "undecodable",
        "unbalanced_quote",
        "too_large",
        "unsupported_format",
    }
)
_STATE_CODES = frozenset({"job_not_cancellable", "job_processing", "nothing_to_retry", "retry_limit"})
_BY_STATUS = {403: ExitCode.FORBIDDEN, 404: ExitCode.NOT_FOUND, 409: ExitCode.WRONG_STATE}
_SIGN_IN = "Sign in: default-risk login"
_COLUMNS = (
    "See the columns with default-risk schema, or start from default-risk template. "
    "--annual and --quarterly say which figures the file has."
)
_HINTS = {
    "unauthenticated": _SIGN_IN,
    "token_expired": _SIGN_IN,
    "not_signed_in": _SIGN_IN,
    "forbidden": "Ask whoever runs the deployment for the role user, or a better one.",
    "job_not_found": "See your jobs: default-risk jobs",
    "job_processing": "Cancel it first: default-risk cancel",
    "job_not_cancellable": "It has ended already: default-risk show",
    "results_not_ready": "See how the job stands: default-risk show",
    "nothing_to_retry": "See what became of its rows: default-risk show",
    "retry_limit": "Download its rows, and upload them as a new file: default-risk download",
    "missing_columns": _COLUMNS,
    "duplicate_columns": "Rename or remove one of the two.",
    "empty_file": _COLUMNS,
    "undecodable": "Save it as UTF-8, or say what it is: --encoding windows-1252",
    "unsupported_format": "Save it as CSV or XLSX.",
    "rate_limited": "Try again in a minute.",
    "unavailable": "Try again in a minute.",
    "internal_error": "Try again; if it stays, report the request id.",
}
_NO_ANSWER = "Is the network up, and the address right? default-risk deployments list"


def exit_code_of(error: ClientError) -> ExitCode:
    """The exit code for what went wrong."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    if isinstance(error, UnreadableFileError):
        return ExitCode.BAD_FILE
    if isinstance(error, SignInError):
        return ExitCode.NOT_SIGNED_IN
    if isinstance(error, UnavailableError | NoResponseError | WaitTimeoutError):
        return ExitCode.UNAVAILABLE
    if isinstance(error, ApiError):
        return exit_code_of_refusal(error.code, status=error.status)
    return ExitCode.REFUSED


def exit_code_of_refusal(code: str, *, status: int | None = None) -> ExitCode:
    """The exit code for a stable code of the API; `status` decides where the code is not told apart."""
    if code in _FILE_CODES:
        return ExitCode.BAD_FILE
    if code in _STATE_CODES:
        return ExitCode.WRONG_STATE
    if code == "job_not_found":
        return ExitCode.NOT_FOUND
    return _BY_STATUS.get(status or 0, ExitCode.REFUSED)


def hint_for(error: ClientError) -> str | None:
    """A sentence on what to do; None where the error says it itself."""
    if isinstance(error, NoResponseError):
        return _NO_ANSWER
    return _HINTS.get(error.code) if isinstance(error, ApiError) else None
