"""What to do about an error, by its code."""

from shared.client.errors import ApiError, ClientError, NoAnswerError

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


def hint_for(error: ClientError) -> str | None:
    """A sentence on what to do; None where the error says it itself."""
    if isinstance(error, NoAnswerError):
        return _NO_ANSWER
    return _HINTS.get(error.code) if isinstance(error, ApiError) else None
