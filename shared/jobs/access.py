"""Access to jobs: which callers may read and manage them. One rule for every route, including downloads."""

from dataclasses import dataclass
from enum import IntEnum

from shared.jobs.job import Job, Source


class Role(IntEnum):
    """Role of a caller, lowest first. The names are those in tokens, in upper case."""

    USER = 1
    ORG_MEMBER = 2
    ORG_ADMIN = 3
    SUPER_ADMIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Principal of a request, from its verified token."""

    user_id: str
    username: str
    organization_id: str | None
    role: Role

    @property
    def sees_all(self) -> bool:
        """Whether the caller may read the jobs of every organization."""
        return self.role is Role.SUPER_ADMIN


def may_manage(caller: Caller, job: Job) -> bool:
    """Whether the caller may read and manage the job.

    With an organization: the jobs of that organization. Without one: those that the caller created. A dropped file has
    no creator, so a user id equal to its `created_by` gives no access.
    """
    if caller.sees_all:
        return True
    if caller.organization_id is not None:
        return job.organization_id == caller.organization_id
    return job.user_id == caller.user_id and job.source is not Source.S3_DROP


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose jobs are listed: those of an organization, of a user, or (both None) all."""

    organization_id: str | None = None
    user_id: str | None = None


def scope_of(caller: Caller) -> Scope:
    """Returns whose jobs the caller may list: the same rule as `may_manage`."""
    if caller.sees_all:
        return Scope()
    if caller.organization_id is not None:
        return Scope(organization_id=caller.organization_id)
    return Scope(user_id=caller.user_id)
