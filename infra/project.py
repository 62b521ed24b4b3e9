"""Constants and files of the project that the stack shares with the local cloud and the tests.

Importing this module does not import CDK, which starts a Node.js process.
"""

import json
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "infra" / "requirements"

# Groups of the user pool, one per role of a caller, from the least to the most privileged.
ROLES = ("user", "org_member", "org_admin", "super_admin")
# A custom attribute of users that only administrators can write.
ORGANIZATION_ATTRIBUTE = "organization_id"

# Environment variables for functions that work on arrays of megabytes. By default glibc returns large freed blocks to
# the kernel, and every page of the next block is a page fault: 8,000 for a chunk of 20,000 rows, a fifth of the time.
# https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html
KEEP_FREED_MEMORY: Final = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # the maximum that every version accepts
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


def project_context() -> dict[str, Any]:
    """Returns the context of cdk.json, which otherwise only the cdk command reads."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context
