"""A share reaches another TOM through a worker."""

from __future__ import annotations

import pytest

from tests.support import rows
from tests.support.remote_tom import RemoteTom
from tests.support.toms import Tom, assert_each_attempt_is_on_record
from tom_share_worker.delivery.asking import outbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_share_of_all_data_arrives(tom: Tom, partner: RemoteTom) -> None:
    owner = rows.person()
    target = rows.target(owner, "SN 2026abc")
    rows.photometry(target, 250)
    partner.store.add_target("SN 2026abc")
    tom.start_worker(checks=True)

    share = outbox.share_target_data(owner, "partner", target)

    tom.await_delivered(share)
    assert partner.store.magnitudes("SN 2026abc") == rows.magnitudes(250)
    assert_each_attempt_is_on_record(share)
