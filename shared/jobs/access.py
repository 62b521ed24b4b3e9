"""Who may see and manage which job: one rule, used by every route, downloads included."""

from dataclasses import dataclass
from enum import IntEnum

from shared.jobs.job import Job, Source


class Role(IntEnum):
    """What a caller may do, least first; the names are those of the tokens, in upper case."""

    USER = 1
    ORG_MEMBER = 2
    ORG_ADMIN = 3
    SUPER_ADMIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking, as the verified token says."""

    user_id: str
    username: str
    organization_id: str | None
    role: Role

    @property
    def sees_all(self) -> bool:
        """Whether every tenant's jobs are in view."""
        return self.role is Role.SUPER_ADMIN


def may_manage(caller: Caller, job: Job) -> bool:
    """Whether the caller may see the job, and so manage it.

    With an organization: that organization's jobs. Without one: those the caller created; a dropped file has no
    creator, so nobody gets at it by carrying its `created_by` as a user id.
    """
    if caller.sees_all:
        return True
    if caller.organization_id is not None:
        return job.organization_id == caller.organization_id
    return job.user_id == caller.user_id and job.source is not Source.S3_DROP


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose jobs are listed: an organization's, a user's own, or (both None) everyone's."""

    organization_id: str | None = None
    user_id: str | None = None


def scope_of(caller: Caller) -> Scope:
    """Whose jobs the caller's lists show: the list side of `may_manage`."""
    if caller.sees_all:
        return Scope()
    if caller.organization_id is not None:
        return Scope(organization_id=caller.organization_id)
    return Scope(user_id=caller.user_id)
