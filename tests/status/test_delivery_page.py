"""The page of a delivery: its attempts, its links, its button."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from tom_dataproducts.models import PhotometryReducedDatum

from tests.status.conftest import browser, partly_refused, permitted, shown_to_all
from tests.support import rows
from tom_share_worker.delivery.ledger import Fate, Key, Ledger
from tom_share_worker.models import Attempt, Delivery, Share
from tom_share_worker.status import words


def url(name: str, pk: int) -> str:
    return reverse(f"tom_share_worker:{name}", kwargs={"pk": pk})


def test_a_delivery_shows_its_attempts_and_what_was_refused(
    owner: User, share: Share
) -> None:
    delivery = partly_refused(share, refused=2, delivered=1)
    now = timezone.now()
    Attempt.objects.create(
        delivery=delivery,
        number=1,
        started=now,
        ended=now + timedelta(seconds=1.25),
        outcome="try again",
        request="POST http://partner.invalid/api/reduceddatums/",
        status_code=503,
        answer="<b>busy</b>" + "x" * 5000,
        note="Partner TOM was overloaded.",
    )

    page = browser(owner).get(url("delivery-detail", delivery.pk)).content.decode()

    assert "Partner TOM was overloaded." in page
    assert "Answered 503" in page
    assert "&lt;b&gt;busy&lt;/b&gt;" in page
    assert "x" * 1000 not in page
    assert "Photometry (number 0)" in page
    assert "Its band is unknown." in page


def test_data_points_that_did_not_arrive_are_told_by_their_times(owner: User) -> None:
    target = rows.target(owner)
    refused, waiting = rows.photometry(target, 2)
    delivery = of_data(owner, target, refused, waiting)

    page = browser(owner).get(url("delivery-detail", delivery.pk)).content.decode()

    assert f"Photometry of {time_of(refused)} UTC (number {refused})" in page
    assert f"photometry of {time_of(waiting)} UTC (number {waiting})" in page


def test_the_time_of_a_data_point_is_for_those_who_may_view_it(
    owner: User, settings: Any
) -> None:
    settings.TARGET_PERMISSIONS_ONLY = False
    target = rows.target(owner)
    refused, waiting = rows.photometry(target, 2)
    delivery = of_data(owner, target, refused, waiting)

    page = browser(owner).get(url("delivery-detail", delivery.pk)).content.decode()

    assert f"Photometry (number {refused})" in page
    assert time_of(refused) not in page


def of_data(owner: User, target: Any, refused: int, waiting: int) -> Delivery:
    """Return a delivery of two data points, of which one was refused."""
    share = rows.share(owner, target=target)
    delivery = rows.delivery(share, photometry=[refused, waiting])
    ledger = Ledger(delivery.ledger)
    ledger.settle(Key("photometry", refused), Fate.REFUSED, "Its band is unknown.")
    Delivery.objects.filter(pk=delivery.pk).update(
        ledger=ledger.rows(), **ledger.counts()
    )
    return delivery


def time_of(pk: int) -> str:
    return words.stamp(PhotometryReducedDatum.objects.get(pk=pk).timestamp)


def test_a_single_delivery_can_be_retried(owner: User, share: Share) -> None:
    first = rows.delivery(share, status="failed")
    second = rows.delivery(share, status="failed")

    answer = browser(owner).post(url("delivery-retry", first.pk), follow=True)

    assert "1 delivery will be sent now." in answer.content.decode()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("queued", "failed")


def test_it_leads_to_its_object_on_both_sides(owner: User) -> None:
    target = rows.target(owner, "SN 2026abc")
    share = rows.share(owner, target=target, subject="All its data")
    file = rows.product(target, name="spectrum.fits")
    delivery = rows.delivery(
        share,
        kind="data product",
        data_product=file,
        status="delivered",
        link="http://partner.invalid/targets/7/",
    )

    page = browser(owner).get(url("delivery-detail", delivery.pk)).content.decode()

    assert f'href="{reverse("targets:detail", args=[target.pk])}">SN 2026abc' in page
    assert f'href="{file.data.url}"' in page
    assert 'href="http://partner.invalid/targets/7/"' in page
    assert f'href="{share.get_absolute_url()}">Share: All its data' in page


def test_what_is_processed_there_says_so(owner: User, share: Share) -> None:
    delivery = rows.delivery(
        share, kind="data product", receipt="http://partner.invalid/receipt/1/"
    )
    client = browser(owner)

    page = client.get(url("delivery-detail", delivery.pk)).content.decode()
    whole = client.get(share.get_absolute_url()).content.decode()

    assert "Partner TOM has the file and processes it" in page
    assert "1 file has arrived there, to be processed there." in whole


def test_who_sees_a_delivery_without_its_share_is_told_why(owner: User) -> None:
    ours, theirs = rows.target(owner, "OURS"), rows.target(owner, "SECRET")
    share = rows.share(
        owner, kind="targets", subject="Targets OURS and SECRET", planned=True
    )
    delivery = rows.delivery(share, target_id=ours.pk, target_name="OURS")
    rows.delivery(share, target_id=theirs.pk, target_name="SECRET")
    colleague = rows.person("colleague")
    ours.give_user_access(colleague)

    page = browser(colleague).get(url("delivery-detail", delivery.pk)).content.decode()

    assert "part of a share of several targets" in page
    assert share.get_absolute_url() not in page
    assert "SECRET" not in page


def test_the_page_takes_as_many_queries_for_many_attempts(
    owner: User, share: Share
) -> None:
    delivery = partly_refused(shown_to_all(share), refused=2, delivered=1)
    client = browser(permitted("viewer", "view_share"))
    counts = []
    for number in range(1, 40):
        Attempt.objects.create(
            delivery=delivery, number=number, started=timezone.now(), outcome="failed"
        )
        if number in (1, 39):
            with CaptureQueriesContext(connection) as asked:
                assert (
                    client.get(url("delivery-detail", delivery.pk)).status_code == 200
                )
            counts.append(len(asked))

    assert counts[0] == counts[1] <= 20
