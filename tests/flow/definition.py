"""The synthesised definition of the state machine, and what moto's interpreter asks for to run it."""

import json
from collections.abc import Iterator
from typing import Any

from tests.synthesised import JsonObject, Template


def adapted(synthesised: Template) -> JsonObject:
    """The definition as moto's interpreter takes it."""
    definition = _definition(synthesised)
    _adapt(definition)
    return definition


def retries_of(synthesised: Template, state: str) -> int:
    """How often the state machine repeats a task that failed."""
    (task,) = [found for name, found in _states(_definition(synthesised)) if name == state]
    (failed,) = [retry for retry in task["Retry"] if retry["ErrorEquals"] == ["States.ALL"]]
    return int(failed["MaxAttempts"])


def _definition(synthesised: Template) -> JsonObject:
    _, properties = synthesised.only("AWS::StepFunctions::StateMachine")
    definition: JsonObject = json.loads(synthesised.resolve(properties["DefinitionString"]))
    return definition


def _states(node: Any) -> Iterator[tuple[str, JsonObject]]:
    """Every state of a definition, those of its maps too."""
    if isinstance(node, dict):
        yield from node.get("States", {}).items()
        for inner in node.values():
            yield from _states(inner)


def _adapt(node: Any) -> None:
    """What moto's interpreter asks for: a float percentage, standard children; and short waits between retries.

    One chunk at a time: its workers share state, and under load one of them takes what another has put there.
    """
    if isinstance(node, list):
        for item in node:
            _adapt(item)
    elif isinstance(node, dict):
        if "ToleratedFailurePercentage" in node:
            node["ToleratedFailurePercentage"] = float(node["ToleratedFailurePercentage"])
        if node.get("ExecutionType") == "EXPRESS":
            node["ExecutionType"] = "STANDARD"
        if "MaxConcurrency" in node:
            node["MaxConcurrency"] = 1
        if "IntervalSeconds" in node:
            node.update(IntervalSeconds=1, MaxDelaySeconds=2, BackoffRate=1)
        for item in node.values():
            _adapt(item)
