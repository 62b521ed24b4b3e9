"""What moto does again at every request and need not: most of the time of tests that make thousands of them.

Nothing that it answers is different.
"""

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

# Asked for first, of some two hundred services that are looked through one after another.
_USED = ("dynamodb", "s3")
# Attributes of DynamoDB that are in their wire form already; binary ones and those with others in them are not.
_PLAIN = {"S", "N", "BOOL", "NULL", "SS", "NS"}


@cache
def quicken() -> None:
    """Spare moto these, in this process for good."""
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

    # What a transaction is rolled back to: all the table has, copied many times faster so.
    cast("Any", dynamodb_models).copy = SimpleNamespace(
        deepcopy=lambda original: pickle.loads(pickle.dumps(original, pickle.HIGHEST_PROTOCOL))  # noqa: S301  our own
    )
    base.urls = property(urls_of)
    s3._url_module = property(lambda _backend: s3_urls)
    serializers._serialize_type_structure = serialize_attribute
    backend_index.backend_url_patterns.sort(key=lambda entry: entry[0] not in _USED)
