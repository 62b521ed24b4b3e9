"""What the start of the local cloud waits for."""

from pathlib import Path

import pytest

from infra.local import cloud, emulator


def test_nothing_waits_for_the_health_of_an_emulator_that_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator, "_free_port", lambda: 9)
    never_started = emulator.Emulator(folder=tmp_path)
    # The network is refused to this test: a request would fail in another way.
    with pytest.raises(emulator.LocalCloudError, match="ended while it started"):
        cloud._wait_for_health(never_started.endpoint_url, never_started)
