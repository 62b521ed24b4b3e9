"""Avoided words are found in prose and in names, and nowhere else."""

from pathlib import Path

from tests.tools.avoided_words import count_avoided


def test_avoided_words_are_counted_in_prose_and_names(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.py").write_text('"""Nobody is told."""\ndef test_what_is_given_back() -> None: ...\n')
    assert count_avoided(tmp_path) == {
        ("tests/a.py", "whoever, nobody, somebody"): 1,
        ("tests/a.py", "tell, told"): 1,
        ("tests/a.py", "given back"): 1,
    }


def test_avoided_words_inside_of_other_words_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Masks and standards: the recommended soundtrack is harmless.\n")
    assert not count_avoided(tmp_path)


def test_vendored_files_are_not_counted(tmp_path: Path) -> None:
    vendored = tmp_path / "functions" / "vendor"
    vendored.mkdir(parents=True)
    (vendored / "library.js").write_text("// nobody\n")
    assert not count_avoided(tmp_path)


def test_links_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nobody\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "README.md").symlink_to("../README.md")
    assert [path for path, _ in count_avoided(tmp_path)] == ["README.md"]
