"""Speeds up moto by removing repeated work at every request. Its responses are unchanged."""

import pickle
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from moto import backend_index
from moto.core.base_backend import BaseBackend
from moto.core.serialize import JSONSerializer
from moto.dynamodb import models as dynamodb_models
from moto.s3 import urls as s3_urls
from moto.s3.models import S3Backend

# Services to match first; moto searches some two hundred of them in order.
_USED = ("dynamodb", "s3")
# DynamoDB attributes that are already in their wire format; binary and nested ones are not.
_PLAIN = {"S", "N", "BOOL", "NULL", "SS", "NS"}


@cache
def quicken() -> None:
    """Patches moto in this process."""
    base, s3, serializers = (cast("Any", patched) for patched in (BaseBackend, S3Backend, JSONSerializer))
    urls, serialize = base.urls.fget, serializers._serialize_type_structure

    known: dict[type, Any] = {}

    def urls_of(backend: object) -> Any:
        kind = type(backend)
        if kind not in known:
            known[kind] = urls(backend)
        return known[kind]

    def serialize_attribute(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and isinstance(value, dict) and value.keys() <= _PLAIN:
            serializer._default_serialize(serialized, value, shape, key)
        else:
            serialize(serializer, serialized, value, shape, key)

    # moto copies the whole table for the rollback of a transaction; pickle is many times faster.
    cast("Any", dynamodb_models).copy = SimpleNamespace(
        deepcopy=lambda original: pickle.loads(pickle.dumps(original, pickle.HIGHEST_PROTOCOL))  # noqa: S301  our own
    )
    base.urls = property(urls_of)
    s3._url_module = property(lambda _backend: s3_urls)
    serializers._serialize_type_structure = serialize_attribute
    backend_index.backend_url_patterns.sort(key=lambda entry: entry[0] not in _USED)
