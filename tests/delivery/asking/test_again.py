"""The same share once more: it means what it meant, of what there is today."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from guardian.shortcuts import remove_perm

from tests.status.conftest import browser
from tests.support import rows
from tom_share_worker.delivery.asking import again, outbox
from tom_share_worker.delivery.planning import planner
from tom_share_worker.exceptions import ShareRefused
from tom_share_worker.models import Share

COLUMNS = ("destination", "kind", "subject", "selection", "with_data", "title")
ABOUT = ("target_id", "target_list_id", "data_product_id", "message", "authors")
TEXT: dict[str, Any] = {
    "title": "Tonight",
    "message": "See it.",
    "authors": "A. Stronomer",
}


@pytest.fixture(autouse=True)
def _partner(settings: Any, db: None) -> None:
    settings.DATA_SHARING = {
        "partner": {"BASE_URL": "http://partner.invalid/", "API_TOKEN": "not-a-token"}
    }


@pytest.fixture
def owner() -> User:
    return rows.person("owner")


@pytest.fixture
def target(owner: User) -> Any:
    return rows.target(owner, "SN 2026abc")


def every_kind(owner: User, target: Any) -> list[Share]:
    """Return a share of each sort that pages and programs can ask for."""
    has = rows.every_kind(target, 2)
    product = rows.product(target)
    listed = rows.target_list("Bulge", target)
    to = (owner, "partner")
    data = {"photometry": has["photometry"]}
    return [
        outbox.share_target(*to, target, has["photometry"], **TEXT),
        outbox.share_target(*to, target, with_data=True, **TEXT),
        outbox.share_selected(*to, data, **TEXT),
        outbox.share_selected(*to, has, target=target, with_target=True, **TEXT),
        outbox.share_selected(*to, {}, target=target, whole=["spectroscopy"], **TEXT),
        outbox.share_targets(*to, [target.pk], with_products=True, **TEXT),
        outbox.share_target_list(*to, listed, None, True, **TEXT),
        outbox.share_target_list(*to, listed, [target.pk], False, True, **TEXT),
        outbox.share_target_data(*to, target, **TEXT),
        outbox.share_target_data(*to, target, with_products=True, **TEXT),
        outbox.share_data_product(*to, product, **TEXT),
    ]


def test_each_kind_of_share_asks_for_the_same_again(owner: User, target: Any) -> None:
    for earlier in every_kind(owner, target):
        assert again.may_share_again(owner, earlier)
        made = again.share_again(owner, earlier)

        assert made.pk != earlier.pk
        for column in (*COLUMNS, *ABOUT):
            assert getattr(made, column) == getattr(earlier, column), earlier.subject


def test_it_sends_what_there_is_today(owner: User, target: Any) -> None:
    rows.photometry(target, 2)
    earlier = outbox.share_target_data(owner, "partner", target)
    rows.photometry(target, 3, first=12.0)

    made = again.share_again(owner, earlier)
    planner.plan(made.pk)

    assert sum(made.deliveries.values_list("datum_count", flat=True)) == 5


def test_with_its_target_it_begins_with_it(owner: User, target: Any) -> None:
    product = rows.product(target)
    earlier = outbox.share_data_product(owner, "partner", product)

    made = again.share_again(owner, earlier, with_target=True)
    planner.plan(made.pk)

    kinds = made.deliveries.order_by("position").values_list("kind", flat=True)
    assert list(kinds) == ["target", "data product"]


def test_who_may_not_share_it_today_is_refused_in_words(
    owner: User, target: Any
) -> None:
    earlier = outbox.share_target_data(owner, "partner", target)
    remove_perm("tom_targets.view_target", owner, target)
    owner = User.objects.get(pk=owner.pk)

    assert not again.may_share_again(owner, earlier)
    with pytest.raises(ShareRefused, match="You may not view this target"):
        again.share_again(owner, earlier)


def test_a_destination_that_is_gone_is_refused_in_words(
    owner: User, target: Any, settings: Any
) -> None:
    earlier = outbox.share_target_data(owner, "partner", target)
    settings.DATA_SHARING = {}

    assert not again.may_share_again(owner, earlier)
    with pytest.raises(ShareRefused, match="no sharing destination"):
        again.share_again(owner, earlier)


def test_what_is_no_longer_here_is_refused_in_words(owner: User, target: Any) -> None:
    shares = every_kind(owner, target)
    target.delete()

    for share in shares:
        share.refresh_from_db()
        if share.kind in (Share.Kind.TARGET, Share.Kind.TARGET_DATA):
            assert not again.may_share_again(owner, share)
            with pytest.raises(ShareRefused, match="no longer in this TOM"):
                again.share_again(owner, share)


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_the_button_is_for_whoever_sees_the_share_and_may_share(
    owner: User, target: Any, who: str
) -> None:
    earlier = outbox.share_target_data(owner, "partner", target)
    Share.objects.update(status="delivered")
    target.give_user_access(rows.person("colleague"))
    client = browser(rows.person(who))
    button = reverse("tom_share_worker:share-again", args=[earlier.pk])

    page = client.get(earlier.get_absolute_url())
    answer = client.post(button, follow=True)

    if who == "stranger":
        assert (page.status_code, answer.status_code) == (404, 404)
        assert Share.objects.count() == 1
        return
    assert f'action="{button}"' in page.content.decode()
    made = Share.objects.latest("pk")
    assert made.user == rows.person(who)
    assert "This is the new share" in answer.content.decode()


def test_the_button_tells_what_is_wrong(owner: User, target: Any) -> None:
    earlier = outbox.share_target_data(owner, "partner", target)
    Share.objects.update(destination="former")

    answer = browser(owner).post(
        reverse("tom_share_worker:share-again", args=[earlier.pk]), follow=True
    )

    assert "no sharing destination" in answer.content.decode()
    assert Share.objects.count() == 1
