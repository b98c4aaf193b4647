"""A shop where every request of tests/entrypoints/routes.py has something to work on, and whose every text is its own.

Its mark stands in all that somebody typed, and its sums are its own too: found anywhere outside of the shop, they say
what was given away.
"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import httpx

from core.staff import Caller, Permission
from entrypoints.container import Container
from tests.desk import PASSWORD, Desk
from tests.entrypoints.counter import Counter
from tests.entrypoints.door import WRONG, an_address
from tests.entrypoints.routes import Ids
from tests.rows import Connection, a_delivery_row, a_lane_row, an_attempt_row, put


@dataclass
class FullShop:
    """``refresh_token``: of the owner's session."""

    mark: str
    desk: Desk
    owner: Counter
    refresh_token: str
    ids: Ids = field(default_factory=Ids)
    secrets: list[str] = field(default_factory=list)
    """What the shop has and no table holds as it is."""

    def known_to_others(self) -> Ids:
        """As somebody outside may have got hold of them: ids, but no secret."""
        kind, shop, token, _ = self.ids.refresh_token.split("_", 3)
        return replace(self.ids, refresh_token=f"{kind}_{shop}_{token}_{secrets.token_urlsafe(32)}")


async def open_full_shop(container: Container, http: httpx.AsyncClient, superuser: Connection) -> FullShop:
    """``http``: the program's staff API, on the database of ``container``."""
    mark = f"mark{uuid4().hex[:10]}"
    shop = await _opened(container, http, mark)
    await _fill(shop)
    await _fill_what_no_request_writes(shop, superuser)
    return shop


async def _opened(container: Container, http: httpx.AsyncClient, mark: str) -> FullShop:
    slug, email = f"shop-{mark}", f"olive@{mark}.example"
    made = await container.open_shop()(
        name=f"Shop {mark}",
        slug=slug,
        currency="USD",
        time_zone="America/Chicago",
        owner_name=f"Olive {mark}",
        owner_email=email,
        owner_password=PASSWORD,
    )
    door = Counter(http, default_headers={"X-Forwarded-For": an_address()})
    sign_in = {"shop": slug, "email": email, "password": PASSWORD}
    await door.post("/v1/auth/sign-in", {**sign_in, "password": WRONG}, status=401)
    tokens = await door.post("/v1/auth/sign-in", sign_in, status=200)
    reader = container.credential_reader()
    desk = Desk(container, made.id, slug, email, Caller(reader.read(tokens["access_token"])))
    # That sign-in forgot the failure before it.
    await door.post("/v1/auth/sign-in", {**sign_in, "password": WRONG}, status=401)
    in_browser = await container.begin_console_session()(
        slug=slug, email=email, password=PASSWORD, address=an_address()
    )
    kept = [tokens["access_token"], tokens["refresh_token"], in_browser]
    return FullShop(mark, desk, Counter(http, tokens["access_token"]), tokens["refresh_token"], secrets=kept)


async def _fill(shop: FullShop) -> None:
    """Two of everything that is listed, so that each list has a second page."""
    owner, mark = shop.owner, shop.mark
    # Nine digits: too many to be met by chance.
    money = 100_000_000 + secrets.randbelow(100_000_000)

    async def client(name: str) -> Any:
        body = {"name": f"{name} {mark}", "email": f"{name}@{mark}.example".lower(), "phone": f"555 {mark}"}
        return UUID((await owner.post("/v1/clients", body))["id"])

    pat, nobody = await client("Pat"), await client("Sam")

    async def invoice(number: int) -> UUID:
        line = {"description": f"Brakes {mark}", "quantity": 1, "unit_price": money + number}
        body = {"client_id": str(pat), "number": f"{number}-{mark}", "vehicle": f"Van {mark}", "lines": [line]}
        return UUID((await owner.post("/v1/invoices", body))["id"])

    first, second, overpaid, unpaid = [await invoice(number) for number in range(1, 5)]

    async def pay(invoice_id: UUID, amount: int, **other: Any) -> Any:
        body = {"method": "cash", "amount": amount, "reference": f"check {mark}", **other}
        return await owner.post(f"/v1/invoices/{invoice_id}/payments", body)

    async def add(note: str, key: str | None = None) -> Any:
        body = {"reason": "goodwill", "amount": money, "note": f"{note} {mark}", "invoice_id": str(first)}
        return await owner.post(f"/v1/clients/{pat}/credit/entries", body, key=key)

    key = f"key-{mark}"
    entry = await add("ran late", key)
    await add("ran later")
    wrong = await add("mistyped")
    await owner.post(f"/v1/credit/entries/{wrong['id']}/void", {"note": f"wrong {mark}"})
    await owner.post(f"/v1/invoices/{second}/payments", {"method": "account_credit", "amount": 1000})
    payment = await pay(first, 1000)
    await owner.patch(f"/v1/payments/{payment['id']}", {"reference": f"check no. {mark}"})
    deleted = await pay(first, 1000)
    await owner.delete(f"/v1/payments/{deleted['id']}")
    await pay(overpaid, money + 1000, overpayment="leave")
    allocations = [{"invoice_id": str(each), "amount": 1000} for each in (first, second)]
    body = {"client_id": str(pat), "method": "cash", "reference": f"together {mark}", "allocations": allocations}
    bulk = await owner.post("/v1/bulk-payments", body)
    await owner.patch("/v1/shop", {"email": f"desk@{mark}.example"})
    colleague = {"name": f"Robin {mark}", "email": f"robin@{mark}.example", "permissions": [], "password": PASSWORD}
    robin = await owner.post("/v1/staff", colleague)
    keys = [
        await owner.post("/v1/api-keys", {"name": f"till {mark}", "permissions": list(Permission)}) for _ in range(2)
    ]
    receiver = {"url": f"https://93.184.215.14/{mark}", "description": f"books of {mark}", "kinds": ["credit.added"]}
    endpoints = [await owner.post("/v1/webhook-endpoints", receiver) for _ in range(2)]
    shop.secrets += [*(made["secret"] for made in endpoints), *(made["key"] for made in keys)]
    shop.ids = Ids(
        client=pat,
        client_without_anything=nobody,
        invoice=first,
        other_invoice=second,
        overpaid_invoice=overpaid,
        unpaid_invoice=unpaid,
        payment=UUID(payment["id"]),
        bulk_payment=UUID(bulk["id"]),
        entry=UUID(entry["id"]),
        staff=UUID(robin["id"]),
        api_key=UUID(keys[0]["id"]),
        endpoint=UUID(endpoints[0]["id"]),
        spare_endpoint=UUID(endpoints[1]["id"]),
        slug=shop.desk.slug,
        refresh_token=shop.refresh_token,
        idempotency_key=key,
    )


async def _fill_what_no_request_writes(shop: FullShop, superuser: Connection) -> None:
    shop_id, client, endpoint = shop.desk.shop_id, shop.ids.client, shop.ids.endpoint
    notices = await superuser.fetch(
        "SELECT id FROM outbox WHERE shop_id = $1 AND client_id = $2 LIMIT 2", shop_id, client
    )
    await put(superuser, "delivery_lanes", a_lane_row(shop_id, endpoint, client))
    for delivery_id, (notice_id,) in zip((shop.ids.delivery, uuid4()), notices, strict=True):
        await put(superuser, "deliveries", a_delivery_row(shop_id, endpoint, client, notice_id, id=delivery_id))
        answer = f"500 {shop.mark} is asleep"
        await put(superuser, "delivery_attempts", an_attempt_row(shop_id, delivery_id, answer=answer))
