"""What is answered of an entry and a payment that were just decided."""

import pytest

from core.payments import Payment
from core.views import ActorView, entry_view, payment_fields, shop_view
from tests.builders import PAT, a_shop
from tests.core.world import World

BY_PAT = ActorView(PAT.kind, PAT.id, PAT.name)


def test_an_entry_is_answered_with_all_that_r1_names() -> None:
    world = World()
    invoice = world.bill(100_00)
    added = world.add(50_00, note="job ran late", origin=invoice)
    view = entry_view(added, currency="USD", invoice_number="INV-1")
    assert (view.id, view.number, view.kind, view.amount, view.balance_after) == (added.id, 1, "added", 50_00, 50_00)
    assert (view.reason, view.note, view.by, view.at) == ("goodwill", "job ran late", BY_PAT, added.at)
    assert (view.invoice_id, view.invoice_number, view.payment_id) == (invoice.id, "INV-1", None)
    assert (view.client_id, view.currency, view.reverses, view.reversed_by) == (added.client_id, "USD", None, None)


def test_a_void_is_answered_with_the_entry_that_it_reverses() -> None:
    world = World()
    added = world.add(50_00)
    view = entry_view(world.void(added), currency="USD", invoice_number=None, reverses=added.id)
    assert (view.reverses, view.amount) == (added.id, -50_00)


@pytest.mark.parametrize("deleted", [False, True], ids=["live", "deleted"])
def test_a_payment_is_answered_with_who_recorded_and_who_deleted_it(deleted: bool) -> None:
    world = World()
    payment: Payment = world.pay(world.bill(100_00), 60_00)
    if deleted:
        world.delete(payment)
        payment = world.payment(payment)
    fields = payment_fields(payment)
    assert fields["recorded_by"] == BY_PAT
    assert fields["deleted_by"] == (BY_PAT if deleted else None)
    assert fields["deleted_at"] == payment.deleted_at
    assert (fields["amount"], fields["collected"], fields["settled"], fields["captured"]) == (60_00, 60_00, 60_00, 0)


def test_a_shop_is_answered_with_its_settings() -> None:
    shop = a_shop(quickbooks_connected=True)
    view = shop_view(shop)
    assert (view.id, view.name, view.slug) == (shop.id, shop.name, shop.slug)
    assert (view.currency, view.time_zone, view.quickbooks_connected) == (shop.currency, shop.time_zone, True)
