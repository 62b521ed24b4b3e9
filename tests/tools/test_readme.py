"""The documents are true: their figures, commands, links and sections are those of the repository."""

import csv
import io
import json
import re
import subprocess

from infra.project import ROOT
from shared.delimited.dialect import CANONICAL
from shared.inputs.header import read_layout
from shared.inputs.schema import template_csv
from shared.scoring.catalog import MODEL_NAMES, model_card
from shared.scoring.chunk import score_chunk
from shared.scoring.model import model_for
from shared.scoring.results import header_line
from shared.vocabulary import JobType, Outcome
from tests.e2e.readme_commands import BY_CI, BY_THE_SUITE, IN_A_CLONE, IN_THE_SESSION, README, targets


def test_table_of_models_matches_the_model_cards() -> None:
    document = (ROOT / "infra" / "docs" / "models.md").read_text()
    for name in MODEL_NAMES:
        metrics = model_card(name)["metrics"]
        low, high = metrics["roc_auc_95_interval"]
        figures = f"{metrics['roc_auc']:.3f} | {low:.3f} to {high:.3f} | {metrics['ks']:.3f} | {metrics['brier']:.4f}"
        assert f"| `{name}` | {figures} |" in document


def test_every_documented_make_target_exists_and_is_run_by_tests_or_ci() -> None:
    makefile = (ROOT / "Makefile").read_text()
    is_run = {*BY_CI, *BY_THE_SUITE, *IN_THE_SESSION, *targets("\n".join(IN_A_CLONE))}
    named = targets(README)
    assert {"demo", "local", "deploy", "report"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        assert target in is_run, target
    assert {f"make {target}" for target in BY_CI} == set(re.findall(r"make \w+", (ROOT / ".ci" / "run").read_text()))


def test_example_rows_of_the_readme_are_what_the_template_gives() -> None:
    template = template_csv(JobType.ANNUAL)
    data = template.encode()
    layout = read_layout(data, CANONICAL, job_type=JobType.ANNUAL, is_whole_file=True)
    model = model_for(JobType.ANNUAL, layout.profile)
    scored = score_chunk(data[layout.data_start :], layout=layout, first_row=1, model=model, next_year=2027)
    header, *_, last = csv.reader(
        io.StringIO((header_line(layout, Outcome.SUCCESSFUL) + scored.parts.successful).decode())
    )
    row = dict(zip(header, last, strict=True))
    factors = json.loads(row["top_factors"])
    row["top_factors"] = ", ".join(f"`{factor['input']}` {factor['contribution']:+}" for factor in factors)
    for marker in ("example row", "example result"):
        names, _, values = README.split(f"<!-- {marker} -->\n")[1].splitlines()[:3]
        for name, value in zip(cells(names), cells(values), strict=True):
            assert name == "…" or row[name] == value


def cells(line: str) -> list[str]:
    """The cells of a row of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_make_help_groups_commands_and_prints_them_as_a_shell_takes_them() -> None:
    printed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S607
    assert re.findall(r"^\w+$", printed, re.MULTILINE) == ["Use", "Develop", "Measure", "Release"]
    assert 'eval "$(make -s local-env)"' in printed
    phony = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    assert re.findall(r"^  make (\S+)", printed, re.MULTILINE) == phony


def test_every_decision_has_a_status_a_date_and_four_sections() -> None:
    decisions = sorted((ROOT / "infra" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        assert re.search(r"^Status: (accepted|superseded by)", text, re.MULTILINE), path.name
        assert re.search(r"Date: \d{4}-\d{2}-\d{2}", text), path.name
        sections = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert sections == ["Context", "Decision", "Alternatives measured", "Consequences"], path.name


def test_every_runbook_answers_three_questions() -> None:
    guide = (ROOT / "infra" / "docs" / "operations.md").read_text()
    _, _, alarms = guide.partition("\n## Alarms\n")
    runbooks = alarms.partition("\n## ")[0].split("\n### ")[1:]
    assert runbooks
    for runbook in runbooks:
        questions = re.findall(r"^- \*\*(.*?):\*\* \S", runbook, re.MULTILINE)
        assert questions == ["Users notice", "Look at", "Do"], runbook.splitlines()[0]


def test_links_between_documents_lead_to_files() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "infra").glob("d*/*.md")]
    assert len(documents) > 20
    for document in documents:
        for target in re.findall(r"\]\((?!https?:|mailto:)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
