"""The demo's two shops: their people, and what has happened at their counters so far."""

import asyncio

from msgspec import Struct

from core.ids import ShopId
from core.payments import PaymentMethod
from core.shop import Language
from core.staff import ActorKind, Credential, Permission
from entrypoints.container import Container
from entrypoints.demo.front_desk import FrontDesk
from entrypoints.demo.refusals import NotTheDemos

PASSWORD = "account-credit-demo"  # noqa: S105  # printed at every start

_AT_THE_COUNTER = (Permission.CREATE_PAYMENTS, Permission.MANAGE_CLIENTS, Permission.MANAGE_INVOICES)


class Person(Struct, frozen=True):
    name: str
    email: str
    may: str


class DemoShop(Struct, frozen=True, kw_only=True):
    name: str
    slug: str
    currency: str
    time_zone: str
    language: Language
    email: str
    owner: Person
    front_desk: Person
    technician: Person

    @property
    def people(self) -> tuple[Person, ...]:
        return (self.owner, self.front_desk, self.technician)


_OWNER = "everything"
_FRONT_DESK = "payments, clients, invoices"
_TECHNICIAN = "look only"

MAIN_STREET = DemoShop(
    name="Main Street Auto",
    slug="main-street",
    currency="USD",
    time_zone="America/Chicago",
    language=Language.EN,
    email="desk@main-street.example",
    owner=Person("Olivia Grant", "olivia@main-street.example", _OWNER),
    front_desk=Person("Frank Soto", "frank@main-street.example", _FRONT_DESK),
    technician=Person("Terry Novak", "terry@main-street.example", _TECHNICIAN),
)
HAFEN = DemoShop(
    name="Werkstatt am Hafen",
    slug="am-hafen",
    currency="EUR",
    time_zone="Europe/Berlin",
    language=Language.DE,
    email="info@am-hafen.example",
    owner=Person("Okka Petersen", "okka@am-hafen.example", _OWNER),
    front_desk=Person("Fenja Brandt", "fenja@am-hafen.example", _FRONT_DESK),
    technician=Person("Tjark Lange", "tjark@am-hafen.example", _TECHNICIAN),
)
SHOPS = (MAIN_STREET, HAFEN)


async def make_shops(container: Container) -> None:
    """Make what is not there yet.

    Raises:
        NotTheDemos.
    """
    await asyncio.gather(_make_main_street(container), _make_hafen(container))


async def _staff(container: Container, shop: DemoShop) -> Credential:
    """Open the shop and hire its staff; the front desk's credential."""
    directory, transactions = container.directory(), container.transactions()
    shop_id = await directory.shop_of(shop.slug)
    if shop_id is None:
        shop_id = await _open(container, shop)
    async with transactions.at_shop(shop_id) as opened:
        owner = await opened.sign_ins.password(shop.owner.email)
    if owner is None:
        raise NotTheDemos(
            f"There is a shop {shop.slug} in this data folder that is not the demo's: name another folder with --data."
        )
    boss = FrontDesk(container, Credential(shop_id, ActorKind.STAFF, owner.staff_id), time_zone=shop.time_zone)
    desk = shop.front_desk
    credential = await boss.hire(desk.name, desk.email, _AT_THE_COUNTER, password=PASSWORD)
    await boss.hire(shop.technician.name, shop.technician.email, (), password=PASSWORD)
    await boss.write_to_clients(answers_to=shop.email)
    return credential


async def _open(container: Container, shop: DemoShop) -> ShopId:
    opened = await container.open_shop()(
        name=shop.name,
        slug=shop.slug,
        currency=shop.currency,
        time_zone=shop.time_zone,
        language=shop.language,
        owner_name=shop.owner.name,
        owner_email=shop.owner.email,
        owner_password=PASSWORD,
    )
    return opened.id


async def _make_main_street(container: Container) -> None:
    credential = await _staff(container, MAIN_STREET)
    desk = FrontDesk(container, credential, time_zone=MAIN_STREET.time_zone)
    # Left as they are for whoever follows the worked example: INV-1 over $130.00, and no credit.
    casey = await desk.client("Casey Morgan", "casey.morgan@example.com", "+1 312 555 0100")
    await desk.invoice(casey, "2017 Honda Civic", ("Front brake pads", 1, 84_00), ("Labor", "0.8", 45_00), tax=10_00)
    await _goodwill_and_spending(desk)
    await _overpayments(desk)
    await _mistakes_put_right(desk)
    await _fleet(desk)
    await _others(desk)


async def _goodwill_and_spending(desk: FrontDesk) -> None:
    dana = await desk.client("Dana Whitfield", "dana@example.com", "+1 312 555 0111")
    oil = await desk.invoice(
        dana, "2019 Subaru Outback", ("Oil change", 1, 62_50), ("Cabin filter", 1, 24_00), tax=7_79, days_ago=41
    )
    await desk.pay(oil, PaymentMethod.CARD, 94_29, reference="Visa 4242", days_ago=41)
    await desk.add(dana, 25_00, "goodwill", "Car was ready a day late")
    tires = await desk.invoice(
        dana,
        "2019 Subaru Outback",
        ("All-season tire", 4, 128_00),
        ("Mount and balance", 4, 18_00),
        tax=52_56,
        days_ago=6,
    )
    await desk.apply(tires)
    await desk.pay(tires, PaymentMethod.CARD, 400_00, reference="Visa 4242", days_ago=6)

    luis = await desk.client("Luis Ortega", "luis.ortega@example.com", "+1 773 555 0122")
    battery = await desk.invoice(
        luis, "2014 Ford F-150", ("Battery", 1, 189_00), ("Installation", 1, 30_00), tax=19_71, days_ago=30
    )
    await desk.pay(battery, PaymentMethod.CASH, 238_71, days_ago=30)
    await desk.add(luis, 40_00, "refund", "Battery was on sale the same week", invoice_id=battery)
    await desk.add(luis, 15_00, "promotion", "Spring inspection voucher")

    mei = await desk.client("Mei Tanaka", "mei.tanaka@example.com")
    wipers = await desk.invoice(mei, "2021 Mazda CX-5", ("Wiper blades", 2, 19_50), tax=3_51, days_ago=12)
    await desk.add(mei, 100_00, "manual", "Gift card bought by her brother, carried over from the old till")
    await desk.apply(wipers, 20_00)
    await desk.apply(wipers)


async def _overpayments(desk: FrontDesk) -> None:
    ruth = await desk.client("Ruth Abernathy", None, "+1 312 555 0133")
    exhaust = await desk.invoice(
        ruth, "2008 Buick Lucerne", ("Exhaust repair", 1, 310_00), ("Labor", "2.5", 95_00), tax=49_28, days_ago=25
    )
    await desk.pay(exhaust, PaymentMethod.CHECK, 650_00, overpayment="capture", reference="Check 1187", days_ago=24)
    inspection = await desk.invoice(ruth, "2008 Buick Lucerne", ("Safety inspection", 1, 45_00), days_ago=3)
    await desk.apply(inspection)

    priya = await desk.client("Priya Raman", "priya@example.com", "+1 847 555 0144")
    alternator = await desk.invoice(
        priya, "2016 Toyota RAV4", ("Alternator", 1, 342_00), ("Labor", "1.5", 95_00), tax=43_61, days_ago=15
    )
    await desk.pay(alternator, PaymentMethod.BANK_TRANSFER, 540_00, overpayment="leave", days_ago=14)

    sam = await desk.client("Sam Kowalski", "sam.k@example.com", "+1 312 555 0155")
    clutch = await desk.invoice(sam, "2012 VW Golf", ("Clutch kit", 1, 420_00), ("Labor", 5, 95_00), days_ago=19)
    await desk.pay(clutch, PaymentMethod.CASH, 300_00, days_ago=19)
    await desk.pay(clutch, PaymentMethod.CARD, 595_00, reference="Mastercard 5454", days_ago=18)
    await desk.edit_invoice(clutch, ("Clutch kit", 1, 420_00), ("Labor", 4, 95_00))
    await desk.capture_overpayment(clutch)


async def _mistakes_put_right(desk: FrontDesk) -> None:
    nora = await desk.client("Nora Lindqvist", "nora@example.com")
    entry = await desk.add(nora, 60_00, "goodwill", "Scratch on the rear bumper")
    await desk.void(entry, "Meant for another client")
    coolant = await desk.invoice(nora, "2015 Volvo V60", ("Coolant flush", 1, 119_00), tax=10_71, days_ago=9)
    await desk.pay(coolant, PaymentMethod.CARD, 129_71, reference="Amex 1005", days_ago=9)

    omar = await desk.client("Omar Haddad", "omar.haddad@example.com", "+1 630 555 0166")
    await desk.add(omar, 80_00, "correction", "Deposit of March, booked twice by the card terminal")
    shocks = await desk.invoice(
        omar, "2011 Jeep Wrangler", ("Shock absorber", 2, 110_00), ("Labor", 2, 95_00), tax=36_90, days_ago=8
    )
    applied = await desk.apply(shocks)
    await desk.delete_payment(applied)
    await desk.pay(shocks, PaymentMethod.CHECK, 446_90, reference="Check 502", days_ago=7)
    bounced = await desk.invoice(omar, "2011 Jeep Wrangler", ("Wheel alignment", 1, 99_00), days_ago=5)
    check = await desk.pay(
        bounced, PaymentMethod.CHECK, 120_00, overpayment="capture", reference="Check 503", days_ago=5
    )
    await desk.delete_payment(check)


async def _fleet(desk: FrontDesk) -> None:
    fleet = await desk.client("Lakeside Florists", "office@lakeside-florists.example", "+1 312 555 0177")
    vans = [
        await desk.invoice(
            fleet, f"2020 Ford Transit, van {van}", ("Service A", 1, 240_00), tax=21_60, days_ago=20 - van
        )
        for van in range(1, 5)
    ]
    await desk.pay_several(
        fleet, PaymentMethod.BANK_TRANSFER, *((van, 261_60) for van in vans[:3]), reference="SEP-0092", days_ago=10
    )
    await desk.add(fleet, 50_00, "promotion", "Fleet bonus for the first quarter")
    await desk.apply(vans[3])


async def _others(desk: FrontDesk) -> None:
    glenn = await desk.client("Glenn Fisher", None, "+1 312 555 0188")
    quote = await desk.invoice(glenn, "2003 Chevrolet Impala", ("Transmission overhaul", 1, 1890_00), days_ago=33)
    await desk.void_invoice(quote)
    await desk.delete_client(glenn)
    for name, vehicle in (("Hannah Price", "2018 Kia Soul"), ("Ivan Petrov", "2022 Tesla Model 3")):
        client = await desk.client(name)
        await desk.invoice(client, vehicle, ("Tire rotation", 1, 29_00), tax=2_61, days_ago=2)
    await desk.client("Jordan Blake", "jordan.blake@example.com")


async def _make_hafen(container: Container) -> None:
    credential = await _staff(container, HAFEN)
    desk = FrontDesk(container, credential, time_zone=HAFEN.time_zone)
    anke = await desk.client("Anke Jansen", "anke.jansen@example.com", "+49 40 5550 0101")
    inspektion = await desk.invoice(
        anke, "2019 VW Polo", ("Inspektion", 1, 189_00), ("Motoröl 5W-30", "4.5", 14_90), tax=48_65, days_ago=17
    )
    await desk.pay(inspektion, PaymentMethod.CARD, 320_00, overpayment="capture", reference="Girocard", days_ago=17)
    bremsen = await desk.invoice(
        anke, "2019 VW Polo", ("Bremsscheiben vorn", 2, 79_00), ("Arbeitszeit", "1.5", 98_00), tax=57_95, days_ago=4
    )
    await desk.apply(bremsen)

    bjarne = await desk.client("Bjarne Holst", "bjarne@example.com")
    await desk.add(bjarne, 30_00, "goodwill", "Leihwagen war nicht vollgetankt")
    reifen = await desk.invoice(bjarne, "2015 Opel Astra", ("Reifenwechsel", 4, 12_50), tax=9_50, days_ago=11)
    await desk.apply(reifen)
    await desk.pay(reifen, PaymentMethod.CASH, 29_50, days_ago=11)

    taxi = await desk.client("Taxi Elbe GmbH", "disposition@taxi-elbe.example", "+49 40 5550 0202")
    cabs = [
        await desk.invoice(taxi, f"2021 Mercedes E 220, Wagen {cab}", ("Ölservice", 1, 165_00), tax=31_35, days_ago=14)
        for cab in (7, 12)
    ]
    await desk.pay_several(
        taxi, PaymentMethod.BANK_TRANSFER, *((cab, 196_35) for cab in cabs), reference="RF18 5390", days_ago=9
    )
    await desk.client("Clara Winkler", "clara.winkler@example.com")
