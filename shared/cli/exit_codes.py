"""How a command ended, for scripts."""

from enum import IntEnum

from shared.client.errors import ApiError, ClientError, NoAnswerError, SignInError, UnavailableError, WaitedTooLongError
from shared.client.files import UnreadableFileError


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


def exit_code_of(error: ClientError) -> ExitCode:
    """The exit code for what went wrong."""
    if isinstance(error, UsageError):
        return ExitCode.USAGE
    if isinstance(error, UnreadableFileError):
        return ExitCode.BAD_FILE
    if isinstance(error, SignInError):
        return ExitCode.NOT_SIGNED_IN
    if isinstance(error, UnavailableError | NoAnswerError | WaitedTooLongError):
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
