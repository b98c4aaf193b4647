"""What is told of a decision once it is committed."""

import msgspec
import pytest

from core.books import Posting
from core.ids import ClientId
from core.notices import Notice, NoticeKind, client_deleted, notices_of
from tests.builders import CLIENT_ID, NOON, PAT, new_id
from tests.core.world import World


class Watched(World):
    """A world that remembers the notices of its last decision."""

    last: tuple[Notice, ...] = ()

    def _keep(self, posting: Posting) -> Posting:
        self.last = tuple(notices_of(posting, currency="USD", at=self.now, new_id=new_id))
        return super()._keep(posting)


def kinds(world: Watched) -> list[str]:
    return [str(notice.kind) for notice in world.last]


def test_each_entry_and_each_new_or_deleted_payment_is_told() -> None:
    world = Watched()
    invoice = world.bill(80_00)
    added = world.add(30_00)
    assert kinds(world) == ["credit.added"]
    credit, _ = world.apply(invoice)
    assert kinds(world) == ["payment.recorded", "credit.applied"]
    cash = world.pay(invoice, 60_00, "capture")
    assert kinds(world) == ["payment.recorded", "credit.captured"]
    world.edit(cash, reference="till 2")
    assert kinds(world) == []
    world.delete(credit)
    assert kinds(world) == ["payment.deleted", "credit.returned"]
    world.void(added)
    assert kinds(world) == ["credit.voided"]
    world.void(world.entries[2])
    assert kinds(world) == ["credit.voided"]
    world.delete(cash)
    assert kinds(world) == ["payment.deleted"]


def test_a_bulk_payment_is_told_payment_by_payment() -> None:
    world = Watched()
    world.pay_together([(world.bill(80_00), 80_00), (world.bill(20_00), 20_00)])
    assert kinds(world) == ["payment.recorded", "payment.recorded"]
    assert len({notice.id for notice in world.last}) == 2


def test_a_notice_carries_the_facts_of_its_entry_and_payment() -> None:
    world = Watched()
    invoice = world.bill(80_00)
    cash = world.pay(invoice, 100_00, "capture")
    recorded, captured = world.last
    assert (recorded.client_id, recorded.at) == (CLIENT_ID, world.now)
    assert recorded.payload.payment is not None
    assert recorded.payload.entry is None
    assert recorded.payload.payment.id == cash.id
    assert (recorded.payload.payment.collected, recorded.payload.payment.settled) == (100_00, 80_00)
    assert captured.payload.entry is not None
    assert captured.payload.payment is None
    assert (captured.payload.entry.amount, captured.payload.entry.balance_after) == (20_00, 20_00)
    assert (captured.payload.entry.payment_id, captured.payload.entry.invoice_id) == (cash.id, invoice.id)
    assert (captured.payload.version, captured.payload.currency) == (1, "USD")


def test_neither_notes_nor_names_of_staff_leave_the_shop() -> None:
    world = Watched()
    world.add(30_00, note="owner's cousin")
    told = msgspec.json.encode(world.last)
    assert b"cousin" not in told
    assert PAT.name.encode() not in told


def test_a_deleted_client_is_told_without_money() -> None:
    client_id = ClientId(new_id())
    notice = client_deleted(client_id, currency="USD", at=NOON, new_id=new_id)
    assert (notice.kind, notice.client_id, notice.at) == (NoticeKind.CLIENT_DELETED, client_id, NOON)
    assert (notice.payload.entry, notice.payload.payment) == (None, None)


@pytest.mark.parametrize("kind", ["added", "applied", "captured", "voided", "returned"])
def test_each_kind_of_entry_has_its_notice(kind: str) -> None:
    assert f"credit.{kind}" in set(NoticeKind)
