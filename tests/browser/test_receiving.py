"""A person uploads a file in the browser, and watches it being read or mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect
from tom_dataproducts.models import PhotometryReducedDatum

from tests.browser.person import Person
from tests.browser.site import Site
from tests.support import rows
from tom_share_worker.models import IngestJob

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "time,magnitude,filter,error\n"
TABLE = "61000.25,15.5,r,0.01\n61000.5,15.25,r,0.01\n"


@pytest.fixture
def astronomer() -> User:
    return rows.person("astronomer")


def upload(person: Person, target: int, content: str) -> Page:
    """Upload a file of photometry on the host's page of a target."""
    person.expects("A is not defined")  # Aladin's finder chart
    person.expects("JS9")
    page = person.open(f"/targets/{target}/?tab=manage-data")
    form = page.locator("form[action='/dataproducts/data/upload/']").first
    file = {"name": "night.csv", "mimeType": "text/csv", "buffer": content.encode()}
    form.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    form.get_by_label("Photometry").check()
    form.get_by_role("button", name="Upload").click()
    return page


def standing(page: Page) -> Locator:
    """Return the word on how the file of this page stands."""
    return page.locator("#ingest-job-progress .badge").first


def test_an_uploaded_file_is_watched_until_it_is_read(
    site: Site, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    site.tom.start_worker()
    page = upload(site.visit(astronomer), target.pk, HEAD + TABLE)

    page.locator(".alert a[href*='/shares/incoming/']").first.click()

    expect(standing(page)).to_have_text("Done")
    expect(page.locator("#ingest-job-progress")).to_contain_text("2 data points")
    assert PhotometryReducedDatum.objects.filter(target=target).count() == 2


def test_a_broken_file_says_why_and_is_read_again_when_it_is_mended(
    site: Site, astronomer: User
) -> None:
    target = rows.target(astronomer, "SN 2026abc")
    site.tom.start_worker()
    page = upload(site.visit(astronomer), target.pk, "moment,brightness\n" + TABLE)

    page.locator(".alert a[href*='/shares/incoming/']").first.click()
    expect(standing(page)).to_have_text("Failed")
    job = IngestJob.objects.get()
    expect(page.locator("#ingest-job-progress")).to_contain_text(job.note[:40])
    assert job.data_product is not None
    Path(job.data_product.data.path).write_text(HEAD + TABLE)
    page.get_by_role("button", name="Reprocess").click()

    expect(standing(page)).to_have_text("Done")
    assert PhotometryReducedDatum.objects.filter(target=target).count() == 2
