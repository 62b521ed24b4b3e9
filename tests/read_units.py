"""Read cost of DynamoDB requests, computed from their responses, because moto does not report it.

Sizes and rounding are those of the developer guide ("DynamoDB item sizes and formats", "Capacity unit consumption"):
half a unit for each 4 KB of a query's entries together, or of each item of a batch; twice as much when consistent.
"""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

_UNIT_BYTES = 4096


class MeteredClient:
    """A DynamoDB client that adds up the read units and the requests of its queries and batch reads."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.units = 0.0
        self.requests = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, **request: Any) -> Any:
        """Runs a query and adds its cost."""
        if "FilterExpression" in request:
            raise NotImplementedError("entries that a filter excludes cost read units but are not in the response")
        response = self._client.query(**request)
        self._count(sum(map(item_bytes, response["Items"])), is_consistent=request.get("ConsistentRead", False))
        self.requests += 1
        return response

    def batch_get_item(self, **request: Any) -> Any:
        """Reads a batch and adds its cost."""
        response = self._client.batch_get_item(**request)
        for table, items in response["Responses"].items():
            for item in items:
                self._count(item_bytes(item), is_consistent=request["RequestItems"][table].get("ConsistentRead", False))
        self.requests += 1
        return response

    def _count(self, size: int, *, is_consistent: bool) -> None:
        self.units += max(1, ceil(size / _UNIT_BYTES)) * (1 if is_consistent else 0.5)


def scan_units(items: Iterable[Mapping[str, Any]]) -> float:
    """Returns the cost of a scan of all items, as a list without an index would need."""
    return ceil(sum(map(item_bytes, items)) / _UNIT_BYTES) / 2


def item_bytes(item: Mapping[str, Any]) -> int:
    """Returns the size of an item in bytes, given as attribute values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return ceil(len(content.lstrip("-").replace(".", "")) / 2) + 1
        case "BOOL" | "NULL":
            return 1
        case "M":
            return 3 + len(content) + item_bytes(content)
        case "L":
            return 3 + len(content) + sum(map(_value_bytes, content))
        case "NS":
            return sum(_value_bytes({"N": number}) for number in content)
        case _:
            raise NotImplementedError(kind)
