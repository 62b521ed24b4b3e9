"""Keys of the uploads bucket, and display names of files."""

from pathlib import PurePosixPath
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs.job import JobType, Outcome
from shared.jobs.uploads import MAX_FILENAME, display_name, download_name, drop_target, upload_key, uploaded_job_id

JOB_ID = UUID("550e8400-e29b-41d4-a716-446655440000")
# Any character, including lone surrogates and those that hide or reorder others.
any_text = st.text(st.characters(), max_size=60)


class TestUploadKeys:
    @given(job_id=st.uuids())
    def test_upload_key_leads_to_its_job_id(self, job_id: UUID) -> None:
        assert uploaded_job_id(upload_key(job_id)) == job_id

    @pytest.mark.parametrize(
        "key",
        [
            "",
            "api/",
            "api/x",
            f"api/{JOB_ID}/",
            f"api/{JOB_ID}.csv",
            f"API/{JOB_ID}",
            f"/api/{JOB_ID}",
            f"api//{JOB_ID}",
            f"api/{str(JOB_ID).upper()}",
            f"api/{JOB_ID.hex}",
            f"api/{{{JOB_ID}}}",
            f"api/urn:uuid:{JOB_ID}",
            f"api/../api/{JOB_ID}",
            f"drop/{JOB_ID}",
            f"api/{JOB_ID}\n",
            f"api/{str(JOB_ID)[:-1]}\u0660",
        ],
    )
    def test_key_that_is_not_exactly_an_upload_key_has_no_job_id(self, key: str) -> None:
        assert uploaded_job_id(key) is None

    @given(key=any_text)
    def test_no_key_is_both_an_upload_key_and_a_drop_key(self, key: str) -> None:
        for odd in (key, f"api/{key}", f"drop/{key}", f"drop/acme/annual/{key}.csv"):
            assert uploaded_job_id(odd) is None or drop_target(odd) is None


class TestDropKeys:
    @pytest.mark.parametrize(
        ("key", "organization_id", "job_type", "filename"),
        [
            ("drop/acme/annual/a.csv", "acme", JobType.ANNUAL, "a.csv"),
            ("drop/acme/quarterly/2024/q3/a.xlsx", "acme", JobType.QUARTERLY, "a.xlsx"),
            ("drop/A-b_9/annual/REPORT.CSV", "A-b_9", JobType.ANNUAL, "REPORT.CSV"),
            ("drop/acme/annual/a.tsv", "acme", JobType.ANNUAL, "a.tsv"),
            ("drop/acme/annual/a.TXT", "acme", JobType.ANNUAL, "a.TXT"),
            ("drop/acme/annual/a.csv.gz", "acme", JobType.ANNUAL, "a.csv.gz"),
            ("drop/acme/annual/a.tsv.GZ", "acme", JobType.ANNUAL, "a.tsv.GZ"),
            ("drop/acme/annual/Büro 1.Xlsx", "acme", JobType.ANNUAL, "Büro 1.Xlsx"),
            ("drop/acme/annual/a b+c%20d.csv", "acme", JobType.ANNUAL, "a b+c%20d.csv"),
            ("drop/acme/annual/../../globex/annual/a.csv", "acme", JobType.ANNUAL, "a.csv"),
            ("drop/acme/annual//a.csv", "acme", JobType.ANNUAL, "a.csv"),
            ("drop/acme/annual/x\\..\\a.csv", "acme", JobType.ANNUAL, "a.csv"),
            ("drop/acme/annual/line\nbreak.csv", "acme", JobType.ANNUAL, "linebreak.csv"),
            (f"drop/{'o' * 64}/annual/a.csv", "o" * 64, JobType.ANNUAL, "a.csv"),
        ],
    )
    def test_drop_key_names_organization_and_job_type_and_file(
        self, key: str, organization_id: str, job_type: JobType, filename: str
    ) -> None:
        target = drop_target(key)
        assert target is not None
        assert (target.organization_id, target.job_type, target.filename) == (organization_id, job_type, filename)

    @pytest.mark.parametrize(
        "key",
        [
            "drop/acme/annual/a.pdf",
            "drop/acme/annual/a.gz",
            "drop/acme/annual/a.xlsx.gz",
            "drop/acme/annual/a_csv",
            "drop/acme/annual/a.csv\n",
            "drop/acme/annual/",
            "drop/acme/annual",
            "drop/acme/annual.csv",
            "drop/acme/monthly/a.csv",
            "drop/acme/ANNUAL/a.csv",
            "drop//annual/a.csv",
            "drop/annual/a.csv",
            "drop/../annual/a.csv",
            "drop/a.b/annual/a.csv",
            "drop/a|pending/annual/a.csv",
            "drop/a b/annual/a.csv",
            "drop/acm\u00e9/annual/a.csv",
            # Both are equal to an ASCII letter when case is ignored.
            "drop/\u212aappa/annual/a.csv",
            "drop/acme\u017f/annual/a.csv",
            "drop/acme/annual/a.c\u017fv",
            "DROP/acme/annual/a.csv",
            "/drop/acme/annual/a.csv",
            "x/drop/acme/annual/a.csv",
            f"drop/{'o' * 65}/annual/a.csv",
        ],
    )
    def test_malformed_drop_key_has_no_target(self, key: str) -> None:
        assert drop_target(key) is None

    @given(organization_id=any_text, path=any_text)
    def test_organization_of_a_drop_key_is_always_well_formed(self, organization_id: str, path: str) -> None:
        target = drop_target(f"drop/{organization_id}/annual/{path}.csv")
        if target is not None:
            assert target.organization_id == organization_id.split("/", maxsplit=1)[0]
            assert target.organization_id.isascii()
            assert target.organization_id.replace("-", "").replace("_", "").isalnum() or set(
                target.organization_id
            ) <= set("-_")


class TestNames:
    @pytest.mark.hazard("File names that traverse folders, hide or reorder characters, or are long")
    @given(path=any_text)
    def test_display_name_is_a_single_part_of_a_path(self, path: str) -> None:
        name = display_name(path)
        assert 1 <= len(name) <= MAX_FILENAME
        assert "/" not in name
        assert "\\" not in name
        name.encode()  # raises on a lone surrogate, which JSON and headers cannot contain

    @pytest.mark.hazard("File names that traverse folders, hide or reorder characters, or are long")
    @pytest.mark.parametrize(
        "hidden",
        [
            "\0",
            "\t",
            "\r",
            "\n",
            "\x7f",
            "\x85",
            "\x9f",
            "\u061c",
            "\u200b",
            "\u200e",
            "\u202e",
            "\u2028",
            "\u2029",
            "\u2060",
            "\u2066",
            "\u2069",
            "\ufeff",
            "\ud800",
        ],
    )
    def test_characters_that_hide_or_reorder_others_are_removed(self, hidden: str) -> None:
        assert display_name(f"a{hidden}vsc.exe") == "avsc.exe"

    def test_letters_of_every_script_are_kept(self) -> None:
        for name in ("Ünïcode €.csv", "報告書.xlsx", "\u0646\u0645\u0627\u200c\u0646.csv", "אב.csv", "👩\u200d💼.csv"):
            assert display_name(name) == name

    @pytest.mark.parametrize("name", ["", " ", "/", "a/", "\\", "\0", "\u202e"])
    def test_file_without_a_name_is_named_unnamed_or_after_its_folder(self, name: str) -> None:
        assert display_name(name) in {"unnamed", "a"}

    @pytest.mark.hazard("File names that traverse folders, hide or reorder characters, or are long")
    @pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".csv.gz", ".TSV.GZ", "." + "x" * 300])
    def test_long_name_keeps_its_extension_if_there_is_room(self, suffix: str) -> None:
        name = display_name("n" * 1_000 + suffix)
        assert len(name) == MAX_FILENAME
        if len(suffix) < MAX_FILENAME:
            assert name.endswith("n" + suffix)

    def test_result_file_is_named_after_the_input_and_the_outcome(self) -> None:
        assert download_name("a.b.xlsx", Outcome.FAILED) == "a.b_failed.csv"
        assert download_name("noending", Outcome.ALL) == "noending_all.csv"
        assert download_name("a.b.CSV.gz", Outcome.ALL) == "a.b_all.csv"
        assert download_name("a.zip.gz", Outcome.ALL) == "a.zip_all.csv"

    @given(path=any_text, outcome=st.sampled_from(Outcome))
    def test_every_display_name_makes_a_valid_download_name(self, path: str, outcome: Outcome) -> None:
        name = download_name(display_name(path), outcome)
        assert name.endswith(f"_{outcome}.csv")
        assert PurePosixPath(name).name == name


@pytest.mark.hazard("File names that traverse folders, hide or reorder characters, or are long")
def test_upload_key_contains_nothing_from_the_caller() -> None:
    job_id = uuid4()
    assert upload_key(job_id) == f"api/{job_id}"
