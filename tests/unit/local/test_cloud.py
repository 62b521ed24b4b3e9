"""The start of the local cloud."""

from pathlib import Path

import pytest

from infra.local import cloud, emulator


def test_wait_for_health_stops_when_the_emulator_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator, "_free_port", lambda: 9)
    never_started = emulator.Emulator(folder=tmp_path)
    # Unit tests cannot open sockets: a request would fail with another error.
    with pytest.raises(emulator.LocalCloudError, match="ended while it started"):
        cloud._wait_for_health(never_started.endpoint_url, never_started)
