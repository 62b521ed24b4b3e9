"""The synthesized definition of the state machine, adapted to moto's interpreter."""

import json
from collections.abc import Iterator
from typing import Any

from tests.synthesized import JsonObject, Template


def adapted(synthesized: Template) -> JsonObject:
    """Returns the definition in a form that moto's interpreter can run."""
    definition = _definition(synthesized)
    _adapt(definition)
    return definition


def retries_of(synthesized: Template, state: str) -> int:
    """Returns the number of retries of a failed task."""
    (task,) = [found for name, found in _states(_definition(synthesized)) if name == state]
    (failed,) = [retry for retry in task["Retry"] if retry["ErrorEquals"] == ["States.ALL"]]
    return int(failed["MaxAttempts"])


def _definition(synthesized: Template) -> JsonObject:
    _, properties = synthesized.only("AWS::StepFunctions::StateMachine")
    definition: JsonObject = json.loads(synthesized.resolve(properties["DefinitionString"]))
    return definition


def _states(node: Any) -> Iterator[tuple[str, JsonObject]]:
    """Yields every state of a definition, including those inside of maps."""
    if isinstance(node, dict):
        yield from node.get("States", {}).items()
        for inner in node.values():
            yield from _states(inner)


def _adapt(node: Any) -> None:
    """Makes percentages floats, child executions standard and retry intervals short.

    Chunks run one at a time, because the workers of moto's interpreter share state and are not thread-safe.
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
