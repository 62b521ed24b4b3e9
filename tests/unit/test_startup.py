import gc
from collections.abc import Iterator

import pytest

from shared.startup import lasting_imports


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_what_is_imported_is_not_looked_through_while_it_grows_nor_later() -> None:
    frozen = gc.get_freeze_count()
    with lasting_imports():
        assert not gc.isenabled()
        imported = [[] for _ in range(1_000)]  # type: list[list[int]]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(imported)


def test_a_process_that_does_not_collect_is_left_so() -> None:
    gc.disable()
    with lasting_imports():
        pass
    assert not gc.isenabled()


def test_a_failed_import_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError), lasting_imports():
        import nothing_of_that_name  # type: ignore[import-not-found] # noqa: F401, PLC0415
    assert gc.isenabled()
