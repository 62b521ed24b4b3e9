"""The client of default-risk jobs: upload files of company financials, follow their jobs, download the scored rows.

    with JobsClient("https://api.example.com", token=token) as client:
        job_id = client.upload_file("annual", Path("figures.csv"))["job_id"]
        client.wait(job_id)
        rows = client.download(job_id, "successful")

Return types are in `default_risk_jobs.types`. The public names are those types and the names below.
"""

from default_risk_jobs.client import JobsClient, root_url
from default_risk_jobs.errors import (
    ApiError,
    ClientError,
    MissingPandasError,
    NoResponseError,
    SignInError,
    UnavailableError,
    UnreadableFileError,
    WaitTimeoutError,
)
from default_risk_jobs.files import is_workbook, job_type_of
from default_risk_jobs.polling import TERMINAL, ResultFile
from default_risk_jobs.sign_in import cognito_endpoint, sign_in
from default_risk_jobs.transport import Retries

__all__ = [
    "TERMINAL",
    "ApiError",
    "ClientError",
    "JobsClient",
    "MissingPandasError",
    "NoResponseError",
    "ResultFile",
    "Retries",
    "SignInError",
    "UnavailableError",
    "UnreadableFileError",
    "WaitTimeoutError",
    "cognito_endpoint",
    "is_workbook",
    "job_type_of",
    "root_url",
    "sign_in",
]
