"""Searches every tracked text file for patterns of secrets."""

import re
import subprocess
from pathlib import Path

import pytest

from infra.project import ROOT

# Prefixes that issuers use; the fake secrets of tests have none of them.
SECRETS = {
    "AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "AWS secret key": r"(?i)aws_secret_access_key['\"]?\s*[:=]\s*['\"]?[A-Za-z0-9/+]{40}\b",
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})",
    "Slack token": r"\bxox[abprs]-[0-9A-Za-z-]{10,}",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}$<]+:[^\s/:@{}$<]+@[a-z0-9]",
}
ANY_SECRET = re.compile("|".join(f"(?:{pattern.removeprefix('(?i)')})" for pattern in SECRETS.values()), re.IGNORECASE)


def secrets_in(text: str) -> list[str]:
    """Returns the kinds of secrets in the text."""
    if not ANY_SECRET.search(text):
        return []
    return [kind for kind, pattern in SECRETS.items() if re.search(pattern, text)]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S607
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_tracked_file_contains_a_secret() -> None:
    files = tracked_files()
    assert Path(__file__) in files
    found = {str(path): kinds for path in files if (kinds := secrets_in(path.read_text(errors="replace")))}
    assert found == {}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("AWS access key", "key = AKIA" + "ABCDEFGHIJKLMNOP"),
        ("AWS secret key", "aws_secret_access_key=" + "a" * 40),
        ("private key", "-----BEGIN RSA " + "PRIVATE KEY-----"),
        ("GitHub token", "ghp" + "_" + "a" * 36),
        ("Slack token", "xoxb" + "-1234567890-abc"),
        ("JSON Web Token", ".".join(["eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20])),
        ("password in a URL", "postgres://user:" + "hunter2@db.example"),
    ],
)
def test_secret_of_each_kind_is_found(kind: str, text: str) -> None:
    assert secrets_in(f"before {text} after") == [kind]
