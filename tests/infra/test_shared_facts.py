"""Constants that stack, functions and clients declare separately, since they do not import each other, agree."""

import re

from default_risk_jobs import client
from functions.api.handler import ApiSettings
from functions.claims import handler as claims
from functions.console.files import FOLDER
from functions.plan.handler import PlanSettings
from infra.project import ROLES
from infra.stages import Limits
from infra.storage import RESULTS_KEPT
from shared.jobs.access import Role
from shared.jobs.job import RETENTION


def test_user_pool_claims_function_and_access_rule_have_the_same_roles() -> None:
    assert [role.name.lower() for role in sorted(Role)] == list(ROLES)
    assert tuple(reversed(claims._ROLES)) == ROLES


def test_files_are_kept_one_day_longer_than_their_jobs() -> None:
    assert RESULTS_KEPT.to_days() == RETENTION.days + 1


def test_default_limits_of_functions_and_stages_agree() -> None:
    limits = Limits()
    for settings in (ApiSettings, PlanSettings):
        defaults = {name: field.default for name, field in settings.model_fields.items() if name.endswith("_max_bytes")}
        assert defaults == {name: getattr(limits, name) for name in defaults}
        assert {"csv_max_bytes", "xlsx_max_bytes"} <= set(defaults)


def test_client_and_console_reserve_the_same_size_for_the_form() -> None:
    (kibibytes,) = re.findall(r"FORM_BYTES = (\d+) \* 1024;", (FOLDER / "uploads.js").read_text())
    assert Limits().multipart_max_bytes - int(kibibytes) * 1024 == client._MULTIPART_BYTES
