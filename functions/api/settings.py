"""The environment of the api function."""

from typing import Annotated

from pydantic import BeforeValidator, Field, HttpUrl

from shared.settings import NonEmpty, Settings

_MIB = 1024 * 1024


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaSeparated = Annotated[frozenset[str], BeforeValidator(_split), Field(min_length=1)]
ByteCount = Annotated[int, Field(gt=0)]


class ApiSettings(Settings):
    """What the api function reads from its environment. Sizes are bytes."""

    table_name: NonEmpty
    uploads_bucket: NonEmpty
    results_bucket: NonEmpty
    state_machine_arn: NonEmpty
    finalize_function_name: NonEmpty
    score_function_name: NonEmpty
    export_function_name: NonEmpty
    retry_function_name: NonEmpty
    cursor_secret_arn: NonEmpty

    token_issuer: NonEmpty
    token_audience: CommaSeparated
    jwks_url: HttpUrl
    organization_claim: NonEmpty = "organization_id"
    role_claim: NonEmpty = "role"
    groups_claim: NonEmpty = "cognito:groups"
    username_claim: NonEmpty = "username"

    # Base64 makes a third more of a body, and Lambda takes 6 MB with everything around it.
    multipart_max_bytes: ByteCount = 4 * _MIB
    rows_max_bytes: ByteCount = _MIB
    csv_max_bytes: ByteCount = 2 * 1024 * _MIB
    xlsx_max_bytes: ByteCount = 100 * _MIB

    # Where callers reach the API, when its paths begin elsewhere than at the root of the host.
    api_root_url: HttpUrl | None = None
    powertools_service_name: NonEmpty = "api"
    log_level: NonEmpty = "INFO"
