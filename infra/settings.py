"""The settings that a stack is deployed with. It has them as an output, so the next deployment can compare."""

from collections.abc import Mapping
from dataclasses import asdict

from infra.stages import Stage

# Consequences that the name of a setting does not show.
_CONSEQUENCES = {
    "kms": "What is stored with the key cannot be read without it",
    "domain_name": "Callers of the old address get no answer, and a new domain has another DomainTarget",
    "issuer": "Every user and program needs a token of the other issuer",
    "keep_data": "Without it, deleting the stack deletes all data",
    "model_folder": "Jobs that run now fail if their model is gone",
}
_NOT_COMPARED = frozenset({"name", "is_local", "endpoint_url"})


def settings_of(stage: Stage) -> dict[str, object]:
    """Returns the settings of a stage by the names of their context values."""
    found: dict[str, object] = {}
    for name, value in asdict(stage).items():
        if name in _NOT_COMPARED:
            continue
        match name, value:
            case "limits", dict():
                found |= value
            case "domain", _:
                found["domain_name"] = value["name"] if value else None
                found["certificate_arn"] = value["certificate_arn"] if value else None
            case "own_issuer", _:
                names = ("issuer", "audience", "jwks_url", "console_client_id")
                found |= {key: value[key] if value else None for key in names}
            case _:
                found[name] = value
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def differences(deployed: Mapping[str, object], wanted: Mapping[str, object]) -> dict[str, str]:
    """Returns a line for each setting that both have with different values.

    An older version of the stack lacks newer settings.
    """
    return {
        name: _line(name, deployed[name], wanted[name])
        for name in sorted(deployed.keys() & wanted.keys())
        if deployed[name] != wanted[name]
    }


def _line(name: str, old: object, new: object) -> str:
    consequence = _CONSEQUENCES.get(name)
    return f"{name}: {_text(old)} becomes {_text(new)}." + (f" {consequence}." if consequence else "")


def _text(value: object) -> str:
    match value:
        case None | [] | "":
            return "not set"
        case bool():
            return str(value).lower()
        case list():
            return ",".join(map(str, value))
    return str(value)
