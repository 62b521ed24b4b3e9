"""Pictures of the console, and a recording of the command line, from the running local cloud: `make screenshots`.

The pictures go to `infra/screenshots`, the recording into the client's README, between the lines that mark it.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

from default_risk_jobs import JobsClient
from infra.local import panel
from infra.local.cloud import LocalCloud, local_cloud
from infra.npm import chromium
from infra.project import ROOT
from tests.e2e.console_pages import JOB_TIMEOUT_MS, Console

FOLDER: Final = ROOT / "infra" / "screenshots"
WINDOW = {"width": 1200, "height": 750}
ROWS, INVALID = 5_000, 40
# Enough rows that even a fast machine is still scoring when the picture is taken; generated rows repeat.
GENERATED_ROWS, TIMES = 40_000, 45
LARGE_ROWS = GENERATED_ROWS * TIMES

_RECORDING = re.compile(r"(?<=<!-- recorded by make screenshots -->\n)```\n.*?```", re.DOTALL)
_COLUMNS = 118


def main() -> None:
    """Takes all screenshots and records the command line again."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, local_cloud(Path(scratch) / "cloud") as (cloud, _):
        with JobsClient(cloud.api_url, token=cloud.token("acme_member")) as client, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium.executable(), args=list(chromium.ARGUMENTS))
            _pictures(browser, cloud, client)
            browser.close()
        readme = ROOT / "shared" / "client" / "README.md"
        recorded = _recording(cloud, Path(scratch))
        readme.write_text(_RECORDING.sub(lambda _: f"```\n{recorded}```", readme.read_text()))


def _pictures(browser: Browser, cloud: LocalCloud, client: JobsClient) -> None:
    """Takes screenshots of jobs at each stage, one of them in dark mode."""
    rows = panel.statement_rows(ROWS, seed=2026, invalid=INVALID)
    random = np.random.default_rng(7)
    for row in rows:
        row["company_name"] = _name(random)
    job_id = client.upload("annual", "portfolio-2026.csv", panel.as_csv(rows, panel.STATEMENT_COLUMNS))["job_id"]
    quarterly = panel.as_csv(panel.quarterly_ratio_rows(800, seed=7), panel.QUARTERLY_RATIO_COLUMNS)
    others = [
        client.upload("quarterly", "q3-watchlist.csv", quarterly)["job_id"],
        client.upload("annual", "industrials.csv", panel.as_csv(rows[:600], panel.STATEMENT_COLUMNS))["job_id"],
    ]
    for one in (job_id, *others):
        client.wait(one)
    with _signed_in(browser, cloud, "light") as console:
        made = panel.as_csv(panel.statement_rows(GENERATED_ROWS, seed=1), panel.STATEMENT_COLUMNS)
        header, _, records = made.partition(b"\n")
        large = header + b"\n" + records * TIMES
        live = client.upload_presigned("annual", "whole-market.csv", large)["job_id"]
        entry = console.page.get_by_role("row").filter(has_text="whole-market.csv")
        expect(entry).to_contain_text(re.compile(rf"[1-9][\d,]+ of {LARGE_ROWS:,} rows"), timeout=JOB_TIMEOUT_MS)
        _shoot(console.page, "jobs")
        console.open(f"#/jobs/{live}")
        expect(console.section("Progress").get_by_role("progressbar")).to_be_visible()
        console.page.wait_for_timeout(1000)
        _shoot(console.page, "progress")
        client.cancel(live)
        _shoot_section(console, job_id, "Risk")
        _shoot_corrections(console, job_id)
        console.open("#/upload")
        console.choose("drafts.csv", b"Company Symbol,Company Name,Sector,Reporting Year,Market Cap,Total Assets\n")
        expect(console.page.get_by_text("Missing columns")).to_be_visible()
        _shoot(console.page, "upload")
    with _signed_in(browser, cloud, "dark") as console:
        _shoot_section(console, job_id, "Riskiest companies")


def _name(random: np.random.Generator) -> str:
    first = ("Northwind", "Harbor", "Summit", "Cedar", "Meridian", "Lakeside", "Pioneer", "Granite", "Beacon", "Delta")
    second = (
        "Components",
        "Energy",
        "Foods",
        "Logistics",
        "Materials",
        "Health",
        "Systems",
        "Power",
        "Tools",
        "Retail",
    )
    return f"{random.choice(first)} {random.choice(second)}"


@contextmanager
def _signed_in(browser: Browser, cloud: LocalCloud, scheme: Literal["light", "dark"]) -> Iterator[Console]:
    with browser.new_context(color_scheme=scheme, viewport=WINDOW, reduced_motion="reduce") as context:  # type: ignore[arg-type]
        console = Console(context.new_page(), cloud)
        console.open("#/jobs")
        console.sign_in("acme_member")
        yield console


def _open_job(console: Console, job_id: str) -> None:
    console.open(f"#/jobs/{job_id}")
    expect(console.section("Data quality")).to_be_visible(timeout=JOB_TIMEOUT_MS)
    expect(console.section("Failed rows").get_by_text("Invalid market cap value")).to_be_visible()


def _shoot_section(console: Console, job_id: str, name: str) -> None:
    _open_job(console, job_id)
    part = console.section(name)
    part.scroll_into_view_if_needed()
    place = part.bounding_box()
    assert place is not None
    clip = {**place, "y": place["y"] + console.page.evaluate("scrollY"), "height": min(place["height"], 905)}
    console.page.screenshot(path=FOLDER / f"{name.split(maxsplit=1)[0].lower()}.png", clip=clip, full_page=True)  # type: ignore[arg-type]


def _shoot_corrections(console: Console, job_id: str) -> None:
    _open_job(console, job_id)
    section = console.section("Failed rows")
    section.get_by_role("button", name="Fix in browser").click()
    cells = section.get_by_role("group", name="Invalid market cap value").get_by_role("listitem").get_by_role("textbox")
    for place, value in enumerate(("412.8", "96.5", "1240")):
        cells.nth(place).fill(value)
    section.get_by_role("heading", name="Failed rows").evaluate("it => it.scrollIntoView()")
    _shoot(console.page, "corrections")


def _shoot(page: Page, name: str) -> None:
    page.screenshot(path=FOLDER / f"{name}.png")


def _recording(cloud: LocalCloud, folder: Path) -> str:
    """Returns commands and their final output as a user of the command line sees them."""
    figures = folder / "figures.csv"
    figures.write_bytes(panel.as_csv(panel.statement_rows(1_000, seed=2026, invalid=5), panel.STATEMENT_COLUMNS))
    environment = {
        **os.environ,
        "DEFAULT_RISK_HOME": str(folder / "home"),
        "DEFAULT_RISK_API": cloud.api_url,
        "DEFAULT_RISK_TOKEN": cloud.token("acme_member"),
        "COLUMNS": str(_COLUMNS),
    }
    lines, job_id = [], ""
    for command in ("upload figures.csv --watch", "errors {job_id}", "show {job_id}"):
        arguments = command.format(job_id=job_id).split()
        said = _run(arguments, folder, environment)
        job_id = job_id or re.search(r"job ([0-9a-f-]{36})", said)[1]  # type: ignore[index]
        lines += [f"$ default-risk {' '.join(arguments)}", *(line.rstrip() for line in said.splitlines())]
    return "\n".join(lines) + "\n"


def _run(arguments: Sequence[str], folder: Path, environment: dict[str, str]) -> str:
    command = str(Path(sys.executable).with_name("default-risk"))
    ran = subprocess.run(  # noqa: S603
        [command, *arguments],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ran.stdout


if __name__ == "__main__":
    main()
