"""Exit codes for scripts, and hints how to resolve an error."""

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
    """Exit codes of all commands. A usage error is 2 by convention."""

    OK = 0
    REJECTED = 1
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
    """The command was used incorrectly."""


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
    "Set the reporting period with --annual or --quarterly."
)
_HINTS = {
    "unauthenticated": _SIGN_IN,
    "token_expired": _SIGN_IN,
    "not_signed_in": _SIGN_IN,
    "forbidden": "Ask your administrator for the `user` role.",
    "job_not_found": "List your jobs: default-risk jobs",
    "job_processing": "Cancel it first: default-risk cancel",
    "job_not_cancellable": "It has already ended: default-risk show",
    "results_not_ready": "Check the status of the job: default-risk show",
    "nothing_to_retry": "Check its rows: default-risk show",
    "retry_limit": "Download its rows and upload them as a new file: default-risk download",
    "missing_columns": _COLUMNS,
    "duplicate_columns": "Rename or remove one of the two.",
    "empty_file": _COLUMNS,
    "undecodable": "Save it as UTF-8 or set the encoding: --encoding windows-1252",
    "unsupported_format": "Save it as CSV or XLSX.",
    "rate_limited": "Try again in a minute.",
    "unavailable": "Try again in a minute.",
    "internal_error": "Try again. If the error persists, report the request id.",
}
_NO_RESPONSE = "Check your network and the API address: default-risk deployments list"


def exit_code_of(error: ClientError) -> ExitCode:
    """Returns the exit code for an error."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    if isinstance(error, UnreadableFileError):
        return ExitCode.BAD_FILE
    if isinstance(error, SignInError):
        return ExitCode.NOT_SIGNED_IN
    if isinstance(error, UnavailableError | NoResponseError | WaitTimeoutError):
        return ExitCode.UNAVAILABLE
    if isinstance(error, ApiError):
        return exit_code_of_api_code(error.code, status=error.status)
    return ExitCode.REJECTED


def exit_code_of_api_code(code: str, *, status: int | None = None) -> ExitCode:
    """Returns the exit code for an error code of the API; `status` decides for other codes."""
    if code in _FILE_CODES:
        return ExitCode.BAD_FILE
    if code in _STATE_CODES:
        return ExitCode.WRONG_STATE
    if code == "job_not_found":
        return ExitCode.NOT_FOUND
    return _BY_STATUS.get(status or 0, ExitCode.REJECTED)


def hint_for(error: ClientError) -> str | None:
    """Returns a hint how to resolve the error, or None."""
    if isinstance(error, NoResponseError):
        return _NO_RESPONSE
    return _HINTS.get(error.code) if isinstance(error, ApiError) else None
