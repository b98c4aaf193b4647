"""A statement that forgets the shop cannot be built."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, delete, exists, func, insert, literal, or_, select, true, union_all, update

from adapters.postgres.shop_scope import (
    ShopStatement,
    StatementWithoutShop,
    delete_from,
    insert_into,
    of_shop,
    select_of,
    update_of,
)
from adapters.postgres.tables import clients, credit_accounts, invoices, ledger_entries, shops, staff
from core.ids import ShopId

entries = ledger_entries
again = ledger_entries.alias("again")
of_one = entries.c.client_id == again.c.client_id
sums = select(func.sum(entries.c.amount).label("sum"))

FORGETFUL: dict[str, Any] = {
    "a select": select(entries.c.id),
    "a select of some": select(entries.c.id).where(entries.c.client_id == bindparam("client_id")),
    "a select of a count alone": select(func.count()).select_from(entries),
    "a select for a shop that is written in": select(entries.c.id).where(entries.c.shop_id == uuid4()),
    "a select for a shop by another name": select(entries.c.id).where(entries.c.shop_id == bindparam("tenant")),
    "a select for every other shop": select(entries.c.id).where(entries.c.shop_id != bindparam("shop_id")),
    "the shop or anything": select(entries.c.id).where(or_(of_shop(entries), entries.c.amount > 0)),
    "not the shop": select(entries.c.id).where(~of_shop(entries)),
    "the shop as a column": select(of_shop(entries)),
    "an id that equals the shop": select(entries.c.id).where(entries.c.client_id == bindparam("shop_id")),
    "a joined table": select_of(entries, entries.c.id).join(shops, true()),
    "a table beside": select_of(entries, entries.c.id, clients.c.name),
    "a joined table by its shop's column alone": select_of(entries, entries.c.id).join(
        clients, clients.c.shop_id == entries.c.shop_id
    ),
    "the table that is joined to": select(entries.c.id).join(shops, of_shop(shops)),
    "an outer join that the shop only filters": select_of(entries, entries.c.id)
    .outerjoin(clients, clients.c.id == entries.c.client_id)
    .where(or_(of_shop(clients), clients.c.id.is_(None))),
    "an alias": select(again.c.id),
    "an alias beside its table": select_of(entries, entries.c.id).join(again, of_one),
    "a table beside its alias": select(entries.c.id).join(again, of_shop(again) & of_one),
    "a subquery": select(sums.subquery().c.sum),
    "a subquery beside": select_of(clients, clients.c.id).join(sums.subquery(), true()),
    "a subquery of the same table": select_of(entries, entries.c.id).where(
        entries.c.id.in_(select(entries.c.id).where(entries.c.amount > 0).correlate(None))
    ),
    "a table around a subquery of it": select(entries.c.id).where(
        entries.c.id.in_(select(entries.c.id).where(of_shop(entries)).correlate(None))
    ),
    "a scalar subquery": select_of(clients, clients.c.id, sums.scalar_subquery()),
    "an EXISTS": select_of(clients, clients.c.id).where(exists(select(entries.c.id).where(entries.c.amount > 0))),
    "an EXISTS that leaves the table outside to that one": select(clients.c.id).where(
        exists(select_of(entries, entries.c.id).where(of_shop(clients), entries.c.client_id == clients.c.id))
    ),
    "a sample": select(entries.tablesample(10)),
    "an EXISTS that brings a table of its own beside the one outside": select_of(clients, clients.c.id).where(
        exists(select(entries.c.id).where(entries.c.client_id == clients.c.id))
    ),
    "an EXISTS that is not to be correlated": select_of(clients, clients.c.id).where(
        exists(select_of(entries, entries.c.id).where(entries.c.client_id == clients.c.id).correlate(None))
    ),
    "a subquery that does not see the table beside": select_of(clients, clients.c.id).join(
        select_of(entries, entries.c.id).where(entries.c.client_id == clients.c.id).subquery(), true()
    ),
    "a lateral subquery": select_of(clients, clients.c.id).join(sums.lateral(), true()),
    "a full join": select(entries.c.id).join(shops, of_shop(shops) & of_shop(entries), full=True),
    "an outer join the other way round": select(entries.c.id).outerjoin(shops, of_shop(shops) & of_shop(entries)),
    "a common table expression": select(sums.cte("sums").c.sum),
    "one half of a union": select(union_all(select_of(entries, entries.c.id), select(clients.c.id)).subquery().c.id),
    "an update": update(staff).values(active=False),
    "an update of one": update(staff).where(staff.c.id == bindparam("staff_id")).values(active=False),
    "an update from a table beside": update_of(staff).where(staff.c.id == clients.c.id).values(active=False),
    "an update of a table around a subquery of it": update(staff)
    .where(staff.c.id.in_(select_of(staff, staff.c.id).correlate(None)))
    .values(active=False),
    "an update to what a subquery finds": update_of(credit_accounts).values(balance=sums.scalar_subquery()),
    "a delete": delete(staff),
    "a delete of one": delete(staff).where(staff.c.id == bindparam("staff_id")),
    "a delete with a table beside": delete_from(staff).where(staff.c.id == clients.c.id),
    "an insert": insert(staff).values(id=bindparam("id")),
    "an insert for a shop that is written in": insert(staff).values(id=bindparam("id"), shop_id=uuid4()),
    "an insert of what a select finds": insert(staff).from_select(["id"], select(clients.c.id)),
    "an insert of what a select finds at the shop": insert(staff).from_select(
        ["shop_id", "id"], select_of(clients, clients.c.shop_id, clients.c.id)
    ),
    "an insert with the shop in another place": insert(staff).values(id=bindparam("shop_id")),
    "an insert of several rows": insert(staff).values([{"shop_id": bindparam("shop_id")}, {"shop_id": uuid4()}]),
}

MINDFUL: dict[str, Any] = {
    "a select": select_of(entries, entries.c.id),
    "joins": select_of(entries, entries.c.id)
    .join(shops, of_shop(shops))
    .outerjoin(invoices, of_shop(invoices) & (invoices.c.id == entries.c.invoice_id))
    .outerjoin(again, of_shop(again) & of_one),
    "an alias alone": select_of(again, again.c.id),
    "a subquery": select_of(clients, clients.c.id).join(
        select_of(entries, func.sum(entries.c.amount)).subquery(), true()
    ),
    "an EXISTS about the row outside": select_of(clients, clients.c.id).where(
        exists(select_of(entries, entries.c.id).where(entries.c.client_id == clients.c.id))
    ),
    "a lateral subquery about the row beside": select_of(clients, clients.c.id).join(
        select_of(entries, entries.c.id).where(entries.c.client_id == clients.c.id).lateral(), true()
    ),
    "a select of no table": select(literal(1)),
    "an update": update_of(staff).where(staff.c.id == bindparam("staff_id")).values(active=False),
    "a delete": delete_from(staff).where(staff.c.id == bindparam("staff_id")),
    "an insert": insert_into(staff, "id", "name"),
}


@pytest.mark.filterwarnings("ignore:Column 'staff:sqlalchemy.exc.SAWarning")  # which it says of the worst of them
@pytest.mark.parametrize("statement", FORGETFUL.values(), ids=FORGETFUL)
def test_a_statement_that_forgets_the_shop_is_refused(statement: Any) -> None:
    with pytest.raises(StatementWithoutShop):
        ShopStatement(statement)


@pytest.mark.parametrize("statement", MINDFUL.values(), ids=MINDFUL)
def test_a_statement_that_names_the_shop_for_every_table_is_taken(statement: Any) -> None:
    ShopStatement(statement)


def test_the_refusal_names_the_table() -> None:
    with pytest.raises(StatementWithoutShop, match=r"^invoices$"):
        ShopStatement(select_of(entries, entries.c.id).join(invoices, invoices.c.id == entries.c.invoice_id))


def test_the_shop_is_the_scopes_and_never_a_parameter() -> None:
    statement = ShopStatement(select_of(entries, entries.c.id).where(entries.c.number == bindparam("number")))
    mine, another = ShopId(uuid4()), uuid4()
    assert statement.arguments(mine, {"number": 1, "shop_id": another}) == [mine, 1]


def test_what_is_written_into_a_statement_need_not_be_given_also_where_it_is_null() -> None:
    statement = ShopStatement(update_of(staff).values(name="Robin", password_hash=None, email=bindparam("the_email")))
    shop_id = ShopId(uuid4())
    given = statement.arguments(shop_id, {"the_email": "robin@example.com"})
    assert given == ["Robin", "robin@example.com", None, shop_id]


def test_a_parameter_that_is_not_given_is_missed() -> None:
    statement = ShopStatement(update_of(staff).values(name=bindparam("the_name")))
    with pytest.raises(KeyError, match="the_name"):
        statement.arguments(ShopId(uuid4()), {})
