import sys
from pathlib import Path

import pytest

from infra.source import PYTHON, copy_source


def test_only_what_functions_run_is_put_into_lambda(tmp_path: Path) -> None:
    copy_source(tmp_path)

    assert {entry.name for entry in tmp_path.iterdir()} == {"functions", "shared"}
    assert (tmp_path / "functions" / "score" / "handler.py").exists()
    assert list((tmp_path / "shared" / "scoring" / "artifacts").glob("*.json"))
    assert not (tmp_path / "shared" / "training").exists()


@pytest.mark.skipif(sys.version_info[:2] != PYTHON, reason="bytecode is compiled by the Python that Lambda runs")
def test_the_same_source_gives_the_same_asset_to_the_byte(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        folder = tmp_path / name
        copy_source(folder)
        contents.append({file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.*") if file.is_file()})

    assert contents[0] == contents[1]
    assert any(path.suffix == ".pyc" for path in contents[0])
