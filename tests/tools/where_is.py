"""`python -m tests.tools.where_is [--answers]`: twenty questions of a newcomer to the code.

A reader who has seen the tree and the README alone writes down a file for each question; `--answers` then prints the
places. How many of the twenty were guessed is reported with the figures of `tests.tools.layout`.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the checkout, and the answer in it: names that it defines (`Class.member`), or text."""

    path: str
    names: tuple[str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        found = [*self.names, *([f"“{self.text}”"] if self.text else [])]
        return f"{self.path}: {', '.join(found)}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that starts with "Where", and the place or places to read, the first of them first."""

    text: str
    places: tuple[Place, ...]


QUESTIONS: Final = (
    Question(
        "Where are the delimiters that a CSV file may have?",
        (Place("shared/delimited/dialect.py", ("DELIMITERS",)),),
    ),
    Question(
        "Where does it say that a market cap must be greater than 0?",
        (Place("shared/inputs/columns.py", ("Column.minimum_is_excluded",), 'Column(name="market_cap"'),),
    ),
    Question(
        "Where is it decided which HTTP status a caller gets for the job of another organization?",
        (
            Place("functions/api/problems.py", ("KINDS",), '"job_not_found": Kind(404'),
            Place("shared/jobs/access.py", ("may_manage",)),
        ),
    ),
    Question(
        "Where is a column added to the input?",
        (Place("shared/inputs/columns.py", ("COLUMNS", "Column")),),
    ),
    Question(
        "Where is it set how often a chunk that failed is tried again?",
        (Place("infra/workflow.py", ("Workflow._task",), "add_retry"),),
    ),
    Question(
        "Where is the time estimated that a job will still take?",
        (Place("shared/jobs/progress.py", ("seconds_left",)),),
    ),
    Question(
        "Where is it ensured that an S3 event delivered twice makes one job?",
        (Place("shared/jobs/intake.py", ("Intake.receive",)),),
    ),
    Question(
        "Where is it set what the score function may do in AWS?",
        (Place("infra/workflow.py", ("Workflow.__init__",)),),
    ),
    Question(
        "Where is a caller's token verified?",
        (Place("functions/api/auth.py", ("TokenVerifier.caller",)),),
    ),
    Question(
        "Where are the result files of a cancelled job assembled?",
        (Place("functions/finalize/assembly.py", ("Assembly.assemble",)),),
    ),
    Question(
        "Where is the text of a row error?",
        (Place("shared/scoring/validation.py", (), "Invalid market cap value"),),
    ),
    Question(
        "Where is the limit of 4 MB for an upload through the API?",
        (
            Place("infra/stages.py", ("Limits.multipart_max_bytes",)),
            Place("functions/api/handler.py", ("ApiSettings.multipart_max_bytes",)),
        ),
    ),
    Question(
        "Where is the size of a chunk decided?",
        (Place("shared/inputs/chunks.py", ("chunk_size",)),),
    ),
    Question(
        "Where are the bytes of a scored row written?",
        (Place("shared/scoring/parts.py", ("write_parts",)), Place("shared/scoring/scores.py", ("ScoredRows.write",))),
    ),
    Question(
        "Where is the response body of GET status built?",
        (Place("shared/jobs/representations.py", ("job_summary",)),),
    ),
    Question(
        "Where are jobs that got stuck repaired?",
        (Place("shared/jobs/reconcile.py", ("Reconciliation.reconcile_due",)),),
    ),
    Question(
        "Where is it set that results are kept for 30 days?",
        (Place("shared/jobs/job.py", ("RETENTION",)),),
    ),
    Question(
        "Where is the risk of a whole job summarized?",
        (Place("shared/scoring/risk_summary.py", ("RiskSummary.as_json",)),),
    ),
    Question(
        "Where are the S3 keys of parts formed?",
        (Place("shared/aws/result_keys.py", ("part_key",)),),
    ),
    Question(
        "Where is it decided which columns the file of a retry has?",
        (Place("shared/scoring/retry_file.py", ("retry_file",)),),
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Prints the questions, with `--answers` each followed by its places."""
    parser = argparse.ArgumentParser(prog="where_is", description="Ask a newcomer where things are.")
    parser.add_argument("--answers", action="store_true")
    with_answers = parser.parse_args(arguments).answers
    for number, question in enumerate(QUESTIONS, start=1):
        places = [f"      {place}" for place in question.places] if with_answers else []
        sys.stdout.write("\n".join([f"{number:2}. {question.text}", *places]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
