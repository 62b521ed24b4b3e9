"""AWS as the deploy command sees it: clients with the limits of AWS, behind a session."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.account import Account

# Of DescribeStackResources, which does not page.
_DESCRIBED = 100


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)


@dataclass
class FakeAws:
    """One account: a stack with outputs and resources, buckets, and the concurrency of Lambda."""

    outputs: dict[str, str] = field(default_factory=dict)
    # Logical id to type and physical id; the stack exists if there are any.
    resources: dict[str, tuple[str, str]] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=lambda: ["CREATE_COMPLETE"])
    # Bucket to its object versions and unfinished uploads.
    buckets: dict[str, list[str]] = field(default_factory=dict)
    quota: int = 1000
    unreserved: int = 1000
    denies: frozenset[str] = frozenset()
    bootstraps: frozenset[str] = frozenset({"/cdk-bootstrap/hnb659fds/version"})

    def account(self, region: str = "eu-central-1") -> Account:
        """Returns the account for the deploy command."""
        session: Any = self
        return Account(session, "123456789012", region)

    def client(self, service: str) -> Any:
        return {"cloudformation": _CloudFormation, "lambda": _Lambda, "ssm": _Ssm}[service](self)

    def resource(self, _service: str) -> Any:
        return self

    def Bucket(self, name: str) -> Any:  # noqa: N802  the name in boto3
        return _Bucket(self.buckets[name])


@dataclass
class _CloudFormation:
    aws: FakeAws

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803  the names of boto3
        if not self.aws.resources and not self.aws.outputs:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": StackName}}, "DescribeStacks")
        status = self.aws.statuses.pop(0) if len(self.aws.statuses) > 1 else self.aws.statuses[0]
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.aws.outputs.items()]
        return {"Stacks": [{"StackStatus": status, "Outputs": outputs}]}

    def describe_stack_resources(self, StackName: str) -> Any:  # noqa: ARG002, N803
        return {"StackResources": list(self._summaries())[:_DESCRIBED]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_stack_resources"
        return self

    def paginate(self, StackName: str) -> Iterator[Any]:  # noqa: ARG002, N803
        found = list(self._summaries())
        for start in range(0, len(found), _DESCRIBED):
            yield {"StackResourceSummaries": found[start : start + _DESCRIBED]}

    def _summaries(self) -> Iterator[dict[str, str]]:
        for kind, name in self.aws.resources.values():
            yield {"ResourceType": kind, "PhysicalResourceId": name, "ResourceStatus": "CREATE_COMPLETE"}


@dataclass
class _Lambda:
    aws: FakeAws

    def get_account_settings(self) -> Any:
        if "lambda" in self.aws.denies:
            raise denied("GetAccountSettings")
        limits = {"ConcurrentExecutions": self.aws.quota, "UnreservedConcurrentExecutions": self.aws.unreserved}
        return {"AccountLimit": limits}


class _ParameterNotFoundError(ClientError):
    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ParameterNotFound", "Message": "none"}}, "GetParameter")


class _Exceptions:
    ParameterNotFound = _ParameterNotFoundError


@dataclass
class _Ssm:
    aws: FakeAws
    exceptions = _Exceptions

    def get_parameter(self, Name: str) -> Any:  # noqa: N803
        if "ssm" in self.aws.denies:
            raise denied("GetParameter")
        if Name not in self.aws.bootstraps:
            raise _ParameterNotFoundError
        return {}


@dataclass
class _Bucket:
    content: list[str]

    @property
    def object_versions(self) -> "_Bucket":
        return self

    @property
    def multipart_uploads(self) -> "_Bucket":
        return self

    def all(self) -> list["_Upload"]:
        return [_Upload(self.content, name) for name in self.content if name.startswith("unfinished")]

    def delete(self) -> list[dict[str, Any]]:
        self.content[:] = [name for name in self.content if name.startswith("unfinished")]
        return [{}]


@dataclass
class _Upload:
    content: list[str]
    name: str

    def abort(self) -> None:
        self.content.remove(self.name)
