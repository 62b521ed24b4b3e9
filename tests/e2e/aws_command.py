"""A minimal `aws` command for the printed first steps, for machines without it; botocore validates the parameters.

`aws SERVICE OPERATION --option value …`, options as botocore names them, `Name=…,Value=…` lists, `--query` by JMESPath.
"""

import sys
from collections.abc import Sequence
from typing import Any

import boto3
import jmespath
from botocore import xform_name


def main(arguments: Sequence[str]) -> None:
    """Makes the call and prints the queried part of the response."""
    service, operation, *rest = arguments
    options: dict[str, str | None] = {}
    while rest:
        name = rest.pop(0).removeprefix("--")
        options[name] = rest.pop(0) if rest and not rest[0].startswith("--") else None
    client = boto3.client(service, region_name=options.pop("region"))  # type: ignore[call-overload]
    query, _ = options.pop("query", None), options.pop("output", None)
    (method,) = [
        name for name in client.meta.service_model.operation_names if xform_name(name) == operation.replace("-", "_")
    ]
    members = client.meta.service_model.operation_model(method).input_shape.members
    by_option = {xform_name(member, "-"): (member, shape) for member, shape in members.items()}
    given = {}
    for option, value in options.items():
        member, shape = by_option[option]
        given[member] = True if value is None else _value(shape.type_name, value)
    response = getattr(client, xform_name(method))(**given)
    sys.stdout.write(f"{jmespath.search(query, response)}\n" if query else "")


def _value(kind: str, text: str) -> Any:
    if kind not in {"list", "map"}:
        return text
    pairs = dict(pair.split("=", 1) for pair in text.split(","))
    return [pairs] if kind == "list" else pairs


if __name__ == "__main__":
    main(sys.argv[1:])
