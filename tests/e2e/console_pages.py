"""Page objects of the console, which find elements by their visible text and roles instead of markup."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Download, Locator, Page, expect

from infra.local.cloud import LocalCloud

# A first job waits for functions to start.
JOB_TIMEOUT_MS = 60_000
expect.set_options(timeout=20_000)


@dataclass(frozen=True, slots=True)
class Console:
    """One tab of a browser."""

    page: Page
    cloud: LocalCloud

    def open(self, path: str = "") -> None:
        """Opens a page of the console with a full load."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.cloud.api_url}/console{path}")

    def sign_in(self, user: str) -> None:
        """Signs in on the page that the console redirects to."""
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(self.cloud.users[user]["password"])
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def go(self, name: str) -> None:
        """Follows a link of the navigation."""
        self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
        expect(self.heading(name)).to_be_focused()

    def heading(self, name: str) -> Locator:
        """Returns the heading of a page."""
        return self.page.get_by_role("heading", name=name, exact=True, level=1)

    def section(self, name: str) -> Locator:
        """Returns the section of a page with this heading."""
        return self.page.get_by_role("region", name=name, exact=True)

    def choose(self, name: str, body: bytes) -> None:
        """Chooses a file on the upload page."""
        field = self.page.get_by_label(re.compile("Drop a file here|Replace"))
        field.set_input_files({"name": name, "mimeType": "text/csv", "buffer": body})

    def upload(self, name: str, body: bytes) -> str:
        """Uploads a file with a valid header and returns the id of its job."""
        if not self.heading("Upload").is_visible():
            self.go("Upload")
        self.choose(name, body)
        expect(self.page.get_by_text("Columns look good", exact=True)).to_be_visible()
        self.page.get_by_role("button", name="Upload and score").click()
        expect(self.heading(name)).to_be_visible()
        return self.job_id()

    def job_id(self) -> str:
        """Returns the id of the shown job."""
        return self.page.url.partition("#/jobs/")[2].partition("?")[0]

    def wait_for_status(self, name: str) -> None:
        """Waits until the shown job has this status label."""
        expect(self.page.locator(".page-head .badge")).to_have_text(name, timeout=JOB_TIMEOUT_MS)

    def figures(self, section: str) -> Mapping[str, str]:
        """Returns the figures of a section by their labels."""
        found = self.section(section).locator(".figures > div")
        expect(found.first).to_be_visible(timeout=JOB_TIMEOUT_MS)
        return {
            entry.locator("dt").inner_text(): entry.locator("dd").inner_text().split("\n")[0].split(" ")[0]
            for entry in found.all()
        }

    def download(self, section: str, name: str) -> Download:
        """Saves a file with a button, and waits if it has to be created first."""
        with self.page.expect_download(timeout=JOB_TIMEOUT_MS) as saved:
            self.section(section).get_by_role("button", name=name).click()
        return saved.value


def content(download: Download) -> bytes:
    """Returns the content of a download."""
    return Path(download.path()).read_bytes()
