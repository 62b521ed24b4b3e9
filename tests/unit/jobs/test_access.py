"""Access: which callers may see and manage which jobs, and that lists follow the same rule."""

from itertools import product

import pytest

from shared.jobs.access import Caller, Role, may_manage, scope_of
from shared.jobs.job import Source
from shared.jobs.listing import JobFilter
from tests.builders import a_caller, a_job, a_super_admin
from tests.fakes import FakeJobStore

OURS = a_job(organization_id="acme", user_id="ann")
THEIRS = a_job(organization_id="globex", user_id="zoe")
ANNS_OWN = a_job(organization_id=None, user_id="ann")
BOBS_OWN = a_job(organization_id=None, user_id="bob")
DROPPED = a_job(organization_id="acme", user_id="s3-drop", created_by="s3-drop", source=Source.S3_DROP)
JOBS = {"ours": OURS, "theirs": THEIRS, "anns_own": ANNS_OWN, "bobs_own": BOBS_OWN, "dropped": DROPPED}

ANN_OF_ACME = a_caller(user_id="ann", organization_id="acme")
BOB_OF_ACME = a_caller(user_id="bob", organization_id="acme", role=Role.USER)
ADMIN_OF_ACME = a_caller(user_id="eve", organization_id="acme", role=Role.ORG_ADMIN)
ANN_ALONE = a_caller(user_id="ann", organization_id=None, role=Role.USER)
CALLED_S3_DROP = a_caller(user_id="s3-drop", organization_id=None, role=Role.ORG_ADMIN)
ROOT = a_super_admin()

VISIBLE = [
    (ANN_OF_ACME, {"ours", "dropped"}),
    (BOB_OF_ACME, {"ours", "dropped"}),
    (ADMIN_OF_ACME, {"ours", "dropped"}),
    (a_caller(user_id="zoe", organization_id="globex"), {"theirs"}),
    (a_caller(user_id="ann", organization_id="initech"), set()),
    (ANN_ALONE, {"ours", "anns_own"}),
    (a_caller(user_id="stranger", organization_id=None), set()),
    (CALLED_S3_DROP, set()),
    (ROOT, set(JOBS)),
    (a_caller(organization_id="globex", role=Role.SUPER_ADMIN), set(JOBS)),
]


@pytest.mark.parametrize(("caller", "visible"), VISIBLE)
def test_caller_may_manage_only_jobs_in_scope(caller: Caller, visible: set[str]) -> None:
    assert {name for name, job in JOBS.items() if may_manage(caller, job)} == visible


@pytest.mark.parametrize(("caller", "visible"), VISIBLE)
def test_list_has_exactly_the_jobs_that_the_caller_may_manage(caller: Caller, visible: set[str]) -> None:
    store = FakeJobStore()
    for job in JOBS.values():
        store.add(job)
    page = store.page(scope_of(caller), JobFilter(), after=None, offset=0, limit=50)
    assert {view.job.id for view in page.views} == {JOBS[name].id for name in visible}


def test_only_super_admins_see_all_jobs() -> None:
    for role, organization_id in product(Role, ("acme", None)):
        caller = a_caller(role=role, organization_id=organization_id)
        assert caller.sees_all is (role is Role.SUPER_ADMIN)


def test_roles_are_ordered() -> None:
    assert Role.USER < Role.ORG_MEMBER < Role.ORG_ADMIN < Role.SUPER_ADMIN
