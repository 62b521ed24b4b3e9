"""The console in a real browser, against the local cloud: one person's way through it, and what may not happen."""

import base64
import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Page, Request, expect, sync_playwright

from default_risk_jobs import JobsClient
from infra.local import panel
from infra.local.cloud import LocalCloud
from infra.npm import chromium
from tests.e2e.console_pages import JOB_TIMEOUT_MS, Console, content
from tests.e2e.paused_scoring import scoring_paused

# One browser for all of them, also where this file alone is run in several processes.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("local-cloud")]

ROWS, INVALID = 300, 15
FILE = panel.as_csv(panel.statement_rows(ROWS, seed=11, invalid=INVALID), panel.STATEMENT_COLUMNS)
# More than goes through the API, so that the browser sends it straight to storage.
LARGE_ROWS, NOTE = 2_000, "x" * 2_100


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        executable = chromium.executable()
    except chromium.NoBrowserError as error:
        pytest.skip(f"the console is untested without a browser: {error}")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.ARGUMENTS))
        except Error as error:
            pytest.skip(f"the console is untested, since its browser does not start here: {error.message[:300]}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def member_console(browser: Browser, cloud: LocalCloud) -> Iterator[Console]:
    """A signed-in tab, shared by tests that open one page after another."""
    with tab(browser, cloud) as console:
        console.open("#/jobs")
        console.sign_in("acme_member")
        yield console


@pytest.fixture
def console(browser: Browser, cloud: LocalCloud) -> Iterator[Console]:
    """A tab without a signed-in user."""
    with tab(browser, cloud) as console:
        yield console


@contextmanager
def tab(browser: Browser, cloud: LocalCloud) -> Iterator[Console]:
    """A new tab. Errors of its pages fail the test."""
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None
        )
        yield Console(page, cloud)
    assert complaints == []


@pytest.fixture(scope="module")
def scored(member: JobsClient) -> str:
    """A completed job with failed rows."""
    job_id = member.upload("annual", "portfolio.csv", FILE)["job_id"]
    member.wait(job_id)
    return job_id


def rows_of(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))


def test_file_is_uploaded_and_watched_and_its_failed_rows_are_fixed(console: Console, member: JobsClient) -> None:
    # Where one wanted to go before signing in is where one is after it.
    console.open("#/upload")
    console.sign_in("acme_member")
    expect(console.heading("Upload")).to_be_visible()

    console.choose("portfolio.csv", FILE.replace(b"total_assets", b"assets", 1))
    expect(console.page.get_by_text("Missing columns")).to_be_visible()
    missing = console.page.get_by_text("To score this as").locator("xpath=following::ul[1]")
    expect(missing).to_have_text("total_assets")
    job_id = console.upload("portfolio.csv", FILE)
    console.wait_for_status("Completed")

    figures = console.figures("Results")
    assert (figures["Rows"], figures["Scored"], figures["Failed"]) == (str(ROWS), str(ROWS - INVALID), str(INVALID))
    summary = member.http.get(f"jobs/{job_id}/results", params={"limit": 1}).json()["summary"]
    levels = console.section("Risk").get_by_role("table", name="Rows by risk level").get_by_role("row")
    expect(levels).to_have_count(len(summary["by_risk_level"]), timeout=JOB_TIMEOUT_MS)
    for level, row in zip(summary["by_risk_level"].items(), levels.all(), strict=True):
        assert row.inner_text().split()[:2] == [level[0].lower(), str(level[1])]
    companies = console.section("Riskiest companies").get_by_role("listitem")
    expect(companies).to_have_count(len(summary["riskiest"]))
    expect(companies.first).to_contain_text(summary["riskiest"][0]["company_name"])
    expect(companies.first.get_by_role("table").get_by_role("row")).to_have_count(3)

    groups = member.row_errors_page(job_id)["groups"]
    section = console.section("Failed rows")
    section.get_by_text("more error").click()
    expect(section.get_by_role("heading", level=3)).to_have_count(len(groups) + 1)
    expect(section).to_contain_text("Invalid market cap value")

    failed = content(console.download("Failed rows", "Failed rows (CSV)"))
    with member.result_file(job_id, "failed") as file:
        assert failed == b"".join(file.parts)
    assert content(console.download("Downloads", "Excel file: Scored rows")).startswith(b"PK")

    good = panel.statement_rows(1, seed=11)[0]
    rows = rows_of(failed)
    corrected = [{**row, **{name: good[name] for name in panel.STATEMENT_COLUMNS}} for row in rows]
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(corrected)
    console.section("Failed rows").get_by_role("link", name="Upload the corrected file").click()
    expect(console.heading("Upload")).to_be_focused()
    console.upload("corrected.csv", buffer.getvalue().encode())
    console.wait_for_status("Completed")
    figures = console.figures("Results")
    assert (figures["Scored"], figures["Failed"]) == (str(INVALID), "0")


BAD_CELLS = {
    "market_cap": ("n/a", "Invalid market cap value", "120.5"),
    "reporting_year": ("20x5", "Invalid reporting_year", "2024"),
    "sector": ("", "Missing required field: sector", "Energy"),
    "total_assets": ("-12", "Invalid total_assets", "900"),
    "company_symbol": ("", "Missing required field: company_symbol", "NEW"),
}


def test_500_rows_with_five_row_errors_are_fixed_in_the_console(member_console: Console, member: JobsClient) -> None:
    rows = panel.statement_rows(520, seed=3)
    for row, column in zip(rows, [*BAD_CELLS] * 100, strict=False):
        row[column] = BAD_CELLS[column][0]
    body = panel.as_csv(rows, panel.STATEMENT_COLUMNS)
    job_id = member.upload("annual", "five.csv", body, labels={"book": "corrected"})["job_id"]
    member.wait(job_id)
    requested_urls: list[str] = []

    def note(request: Request) -> None:
        if f"{job_id}/errors" in request.url:
            requested_urls.append(request.url)

    member_console.page.on("request", note)
    member_console.open(f"#/jobs/{job_id}")
    section = member_console.section("Failed rows")
    expect(section.get_by_text("100 rows", exact=True)).to_have_count(5)
    member_console.page.remove_listener("request", note)
    # All causes with their examples, without a function started for each.
    assert len(requested_urls) == 1
    section.get_by_role("button", name="Fix in browser").click()
    expect(section.get_by_role("heading", name="Fix values")).to_be_focused()
    assert hidden_while_focused(member_console.page, stops=40) == []
    for _, said, value in BAD_CELLS.values():
        group = section.get_by_role("group", name=said)
        group.get_by_label("Set all to").fill(value)
        group.get_by_role("button", name="Apply").click()
    section.get_by_role("textbox", name="company_symbol of row 5", exact=True).fill("ONE")
    section.get_by_role("button", name="Score 500 corrected rows").click()
    expect(member_console.heading("five-corrected.csv")).to_be_visible()
    member_console.wait_for_status("Completed")
    figures = member_console.figures("Results")
    assert (figures["Scored"], figures["Failed"]) == ("500", "0")
    corrected = member_console.job_id()
    assert member.details(corrected)["options"]["labels"] == {"book": "corrected"}
    with member.result_file(corrected, "successful") as file:
        scored_rows = rows_of(b"".join(file.parts))
    assert [row["company_symbol"] for row in scored_rows if row["company_name"] == "Demo Company 5, Inc."] == ["ONE"]
    assert {row["reporting_year"] for row in scored_rows} <= {str(year) for year in range(2015, 2025)}


def hidden_while_focused(page: Page, *, stops: int) -> list[str]:
    """Returns the elements that are covered while focused, for the next `stops` presses of Tab."""
    covered = """() => {
        const at = document.activeElement.getBoundingClientRect();
        const top = document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2);
        return document.activeElement.contains(top) ? "" : document.activeElement.outerHTML;
    }"""
    found = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        found.append(page.evaluate(covered))
    return [element for element in found if element]


def test_running_job_is_cancelled_and_its_other_rows_are_scored_later(
    member_console: Console, member: JobsClient
) -> None:
    console = member_console
    console.open("#/upload")
    rows = [{**row, "note": NOTE} for row in panel.statement_rows(LARGE_ROWS, seed=5)]
    page = console.page
    with scoring_paused(console.cloud):
        job_id = console.upload("held.csv", panel.as_csv(rows, [*panel.STATEMENT_COLUMNS, "note"]))
        assert member.details(job_id)["source"] == "presigned"
        bar = console.section("Progress").get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuetext", f"0 of {LARGE_ROWS:,}", timeout=JOB_TIMEOUT_MS)
        console.go("Jobs")
        page.get_by_role("checkbox", name="Select held.csv").check()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete 1 job").click()
        refused = page.locator(":focus")
        expect(refused).to_contain_text("0 jobs deleted.")
        expect(refused).to_contain_text("held.csv: Cannot delete job that is currently processing")
        refused.get_by_role("button", name="Close").click()
        expect(console.heading("Jobs")).to_be_focused()
        page.get_by_role("link", name="held.csv").click()
        # The live region for screen readers announces few words in one place, not every row.
        live_region = page.locator("p[role=status]").filter(has_text="percent").element_handle()
        assert live_region.inner_text() == "Scoring, 0 percent"
        page.get_by_role("button", name="Cancel job").click()
        question = page.get_by_role("dialog", name="Cancel this job?")
        question.get_by_role("button", name="Cancel job").click()
        console.wait_for_status("Cancelled")
        assert live_region.inner_text() == "Cancelled"
        expect(console.heading("held.csv")).to_be_focused()
        assert member.status(job_id)["cancelled"] is True
    page.get_by_role("button", name="Resume job").click()
    expect(page.get_by_text("Retry of")).to_be_visible()
    assert console.job_id() != job_id
    console.wait_for_status("Completed")
    assert console.figures("Results")["Scored"] == f"{LARGE_ROWS:,}"


def test_job_has_several_labels_and_is_found_by_each(member_console: Console, member: JobsClient) -> None:
    page = member_console.page
    member_console.open("#/upload")
    member_console.choose("labeled.csv", FILE)
    page.get_by_text("More options").click()
    page.get_by_label("Name of label 1").fill("desk")
    page.get_by_label("Value of label 1").fill("credit, EMEA: 1")
    add = page.get_by_role("button", name="Add label")
    for number, name in ((2, "unwanted"), (3, "run")):
        add.focus()
        page.keyboard.press("Enter")
        # What is typed goes into the new field.
        expect(page.get_by_label(f"Name of label {number}")).to_be_focused()
        page.keyboard.type(name)
        page.keyboard.press("Tab")
        page.keyboard.type("nightly")
    page.get_by_role("button", name="Remove label 2").press("Enter")
    expect(add).to_be_focused()
    page.get_by_label("Name of label 2").fill("desk")
    submit = page.get_by_role("button", name="Upload and score")
    submit.click()
    expect(page.get_by_role("alert")).to_contain_text("Two labels have the name “desk”")
    expect(submit).to_be_focused()
    page.get_by_label("Name of label 2").fill("run")
    submit.click()
    expect(member_console.heading("labeled.csv")).to_be_visible()
    job_id = member_console.job_id()
    assert member.details(job_id)["options"]["labels"] == {"desk": "credit, EMEA: 1", "run": "nightly"}
    for label in ("desk: credit, EMEA: 1", "run: nightly"):
        page.get_by_role("link", name=label).click()
        expect(member_console.heading("Jobs")).to_be_focused()
        expect(page.get_by_label("Label")).to_have_value(label.replace(": ", ":", 1))
        page.get_by_role("link", name="labeled.csv").click()
        expect(member_console.heading("labeled.csv")).to_be_visible()


def test_filtered_jobs_are_deleted_together(member_console: Console, member: JobsClient) -> None:
    names = [f"Quarter {number}.csv" for number in (1, 2)]
    job_ids = [member.upload("annual", name, FILE, labels={"book": "delete"})["job_id"] for name in names]
    for job_id in job_ids:
        member.wait(job_id)
    page = member_console.page
    member_console.open("#/jobs")
    page.get_by_label("Label").fill("book:delete")
    page.keyboard.press("Enter")
    jobs = page.get_by_role("table", name="Jobs").get_by_role("row")
    expect(jobs).to_have_count(3)
    # A reload, or a link that is sent on, shows the same.
    page.reload()
    expect(jobs).to_have_count(3)
    page.get_by_role("checkbox", name="Select all").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete 2 jobs").click()
    expect(page.get_by_text("2 jobs deleted.")).to_be_visible()
    expect(page.get_by_role("heading", name="No matching jobs")).to_be_visible()


def test_job_is_invisible_to_another_organization(console: Console, scored: str) -> None:
    console.open("#/jobs")
    console.sign_in("globex_member")
    page = console.page
    expect(console.heading("Jobs")).to_be_visible()
    expect(page.get_by_role("link", name="portfolio.csv")).to_have_count(0)
    console.open(f"#/jobs/{scored}")
    expect(page.get_by_role("alert")).to_contain_text("Job not found or access denied")
    expect(page.get_by_text("portfolio.csv")).to_have_count(0)


def test_user_without_a_role_sees_an_error(console: Console) -> None:
    console.open("#/jobs")
    console.sign_in("no_role")
    expect(console.page.get_by_role("alert")).to_contain_text("Request")


def test_sign_in_after_an_expired_session_returns_to_the_same_page(console: Console, scored: str) -> None:
    # With a slash too many one gets there as well.
    console.open(f"/#/jobs/{scored}")
    expect(console.heading("Sign in")).to_be_visible()
    assert console.page.url.endswith(f"/console#/jobs/{scored}")
    found = {"sign in": serious_violations(console.page)}
    console.sign_in("acme_member")
    expect(console.heading("portfolio.csv")).to_be_visible()
    spoil_token(console.page)
    console.page.reload()
    expect(console.heading("Your session has ended")).to_be_visible()
    found["ended"] = serious_violations(console.page)
    assert console.page.url.endswith(f"#/jobs/{scored}")
    console.sign_in("acme_member")
    expect(console.heading("portfolio.csv")).to_be_visible()

    console.page.get_by_role("button", name="Sign out").click()
    expect(console.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert console.page.evaluate("JSON.stringify(sessionStorage)") == "{}"
    found["signed out"] = serious_violations(console.page)
    assert found == {name: [] for name in found}


def spoil_token(page: Page) -> None:
    """Makes the token of the tab invalid."""
    page.evaluate(
        """() => {
            const [key] = Object.keys(sessionStorage).filter((name) => name.startsWith("oidc.user:"));
            const user = JSON.parse(sessionStorage[key]);
            sessionStorage[key] = JSON.stringify({ ...user, access_token: `${user.access_token}x` });
        }"""
    )


def test_console_can_be_used_by_keyboard_only(console: Console) -> None:
    page = console.page
    console.open("#/jobs")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Username").focus()
    page.keyboard.type("acme_member")
    page.keyboard.press("Tab")
    page.keyboard.type(console.cloud.users["acme_member"]["password"])
    page.keyboard.press("Enter")
    expect(console.heading("Jobs")).to_be_visible()

    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(console.heading("Jobs")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Upload a file")).to_be_focused()
    page.keyboard.press("Enter")
    expect(console.heading("Upload")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Drop a file here")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files({"name": "keys.csv", "mimeType": "text/csv", "buffer": FILE})
    expect(page.get_by_text("Columns look good", exact=True)).to_be_visible()
    while not page.get_by_role("button", name="Upload and score").evaluate("it => it === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(console.heading("keys.csv")).to_be_focused()
    console.wait_for_status("Completed")
    while not page.get_by_role("button", name="Delete").evaluate("it => it === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Delete this job?")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Delete")).to_be_focused()


def test_no_page_has_a_serious_accessibility_violation(member_console: Console, scored: str) -> None:
    page = member_console.page
    found = {}
    for name, path, awaited in (
        ("jobs", "/console#/jobs", "portfolio.csv"),
        ("no match", "/console#/jobs?filename_contains=nothing-is-called-so", "No matching jobs"),
        ("upload", "/console#/upload", "Templates"),
        ("job", f"/console#/jobs/{scored}", "Data quality"),
        ("no job", "/console#/jobs/00000000-0000-4000-8000-000000000000", "Job not found"),
        ("models", "/console#/models", "Not intended for"),
        ("nowhere", "/console#/nowhere", "This page doesn't exist."),
        ("not found", "/console/nowhere", "Page not found"),
        ("docs", "/api/v1/docs", "Problem types"),
    ):
        page.goto("about:blank")
        page.goto(f"{member_console.cloud.api_url}{path}")
        expect(page.get_by_text(awaited).first).to_be_visible(timeout=JOB_TIMEOUT_MS)
        if name == "job":
            page.get_by_role("button", name="Delete").click()
            found["dialog"] = serious_violations(page)
            page.keyboard.press("Escape")
        if name == "upload":
            member_console.choose("short.csv", b"company_symbol,sector\nA,B\n")
            expect(page.get_by_text("Missing columns")).to_be_visible()
            page.get_by_text("More options").click()
            page.get_by_role("button", name="Add label").click()
        found[name] = serious_violations(page)
    assert found == {name: [] for name in found}


def serious_violations(page: Page) -> list[str]:
    """Returns the serious violations that axe-core finds, with the first place of each.

    All rules run in the light theme, only those about colors in the dark one.
    """
    violations = []
    rules: Mapping[Any, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}
    for scheme, chosen in rules.items():
        page.emulate_media(color_scheme=scheme)
        # Listeners of the media query run before the callbacks of a frame: after one, scripts have changed the theme.
        page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => painted()))")
        found = Axe().run(page, options={"resultTypes": ["violations"], **chosen}).response["violations"]
        violations += [
            f"{scheme}: {each['id']}: {each['nodes'][0]['html'][:200]} {each['nodes'][0]['failureSummary'][:300]}"
            for each in found
            if each["impact"] in {"serious", "critical"}
        ]
    return violations


QUARTERLY = panel.as_xlsx(panel.quarterly_ratio_rows(3, seed=1), panel.QUARTERLY_RATIO_COLUMNS)
LONG = panel.as_xlsx(panel.statement_rows(3_000, seed=1), panel.STATEMENT_COLUMNS)


@pytest.mark.parametrize(
    ("filename", "body", "names"),
    [
        ("a.csv", b"company_symbol,Sector,reporting-quarter\nA,B,Q1\n", "company_symbol sector reporting_quarter"),
        ("a.csv", b"company_symbol;sector;market cap\nA;B;1,5\n", "company_symbol sector market_cap"),
        ("a.csv", b"company_symbol\tsector", "company_symbol sector"),
        ("a.csv", b"company_symbol|sector|x\r\n1|2|3\r\n", "company_symbol sector x"),
        ("a.csv", b'"company ""symbol""","sec\ntor"\nA,B\n', 'company_"symbol" sec_tor'),
        ("a.csv", b"\n\n company_symbol , sector\nA,B\n", "company_symbol sector"),
        ("a.csv", b"\xef\xbb\xbfcompany_symbol,sector\nA,B\n", "company_symbol sector"),
        ("a.csv", "company_symbol,Umsätze\nA,B\n".encode("utf-16"), "company_symbol umsätze"),
        ("a.csv", b"company_symbol\nA\n", "company_symbol"),
        ("a.csv", b',,,\ncompany_symbol, "sec,tor",x\nA,B,C\n', "company_symbol sec,tor x"),
        pytest.param("A.XLSX", QUARTERLY, " ".join(panel.QUARTERLY_RATIO_COLUMNS), id="workbook"),
        pytest.param("a.xlsx", LONG, " ".join(panel.STATEMENT_COLUMNS), id="long workbook"),
    ],
)
def test_browser_reads_a_header_as_the_service_does(
    member_console: Console, filename: str, body: bytes, names: str
) -> None:
    found = read_header_in(member_console, filename, body)
    assert found == {"names": names.split(), "kind": "quarterly" if "reporting_quarter" in names else "annual"}


@pytest.mark.parametrize(
    ("filename", "body", "said"),
    [
        ("a.pdf", b"a,b", "Unsupported file type."),
        ("a.csv", b"", "The file is empty."),
        ("a.csv", b'company_symbol,"sector" x,year\nA,B,C\n', "quotes"),
        ("a.csv", b'company_symbol,"sector,year\nA,B,C\n', "quotes"),
        ("a.xlsx", b"company_symbol,sector", "not a valid Excel workbook"),
    ],
)
def test_file_that_is_no_table_is_refused_before_its_upload(
    member_console: Console, filename: str, body: bytes, said: str
) -> None:
    assert said in str(read_header_in(member_console, filename, body)["said"])


def read_header_in(console: Console, filename: str, body: bytes) -> dict[str, Any]:
    """Returns the header that the console's module reads from a file."""
    page = console.page
    if not page.url.startswith(f"{console.cloud.api_url}/console"):
        console.open("#/jobs")
    found: dict[str, Any] = page.evaluate(
        """async ([name, base64]) => {
            const main = document.querySelector("script[src$='main.js']").src;
            const { jobTypeOf, normalized, readHeader } = await import(main.replace("main.js", "header.js"));
            const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
            try {
                const names = await readHeader(new File([bytes], name));
                return { names: names.map(normalized), kind: jobTypeOf(names) };
            } catch (error) {
                return { said: error.message };
            }
        }""",
        [filename, base64.b64encode(body).decode()],
    )
    return found


def test_problem_type_links_to_its_documentation(console: Console) -> None:
    page = console.page
    page.goto(f"{console.cloud.api_url}/api/v1/docs#retry_limit")
    row = page.get_by_role("row", name="retry_limit")
    expect(row).to_be_in_viewport()
    expect(row).to_contain_text("The job is the last of a chain of retries")
    expect(page.get_by_text("/api/v1/predictions/annual/bulk-upload-async")).to_be_visible()
