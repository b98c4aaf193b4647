"""Access tokens: what is not exactly ours opens nothing, and says not why."""

import base64
import hashlib
import hmac
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.security.access_tokens import JwtAccessTokens
from core.ids import StaffId
from entrypoints.container import running
from entrypoints.web_container import staff_api_app
from tests.database import Database
from tests.desk import Desk, SetClock, container_for, open_desk
from tests.entrypoints.counter import Counter
from tests.entrypoints.door import Door, Forge, an_address, without_request_id


@pytest.fixture
async def desk(door: Door) -> Desk:
    return await open_desk(door.container)


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _read(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _rewritten(token: str, *, header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None) -> str:
    """The same signature under something else."""
    first, second, signature = token.split(".")
    return ".".join((_part({**_read(first), **(header or {})}), _part({**_read(second), **(payload or {})}), signature))


def _signed_by_hand(header: dict[str, Any], payload: dict[str, Any], key: bytes) -> str:
    signed = f"{_part(header)}.{_part(payload)}"
    mac = hmac.digest(key, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _forged(forge: Forge, other: Desk) -> dict[str, str]:
    good = forge.token()
    header, payload = (_read(part) for part in good.split(".")[:2])
    [(key_id, key)] = forge.keys.items()
    another_audience = forge.door.container.keys().derive("access-tokens/another")
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    api = JwtAccessTokens(
        forge.door.container.keys(), forge.door.container.fresh(), forge.door.clock, audience="another"
    )
    return {
        "algorithm none": f"{_part({**header, 'alg': 'none'})}.{_part(payload)}.",
        "algorithm None": f"{_part({**header, 'alg': 'None'})}.{_part(payload)}.",
        "algorithm none, signed": _rewritten(good, header={"alg": "none"}),
        "no algorithm": _signed_by_hand({name: header[name] for name in ("kid", "typ")}, payload, key),
        "HS512": forge.token(algorithm="HS512", key=key * 2),
        "HS384 said": _rewritten(good, header={"alg": "HS384"}),
        "RS256": forge.token(algorithm="RS256", key=rsa_key),
        "RS256 said": _rewritten(good, header={"alg": "RS256"}),
        "a key in the header": forge.token(key=b"k" * 32, header={"jwk": {"kty": "oct", "k": _part("k" * 32)}}),
        "a critical extension": forge.token(header={"crit": ["exp"], "exp": 1}),
        "another audience": forge.token(aud="another"),
        "a list without the audience": forge.token(aud=["another", "third"]),
        "another audience and its key": forge.token(aud="another", key=another_audience[key_id]),
        "the audience under another's key": forge.token(key=another_audience[key_id]),
        "of another API": api.issue(forge.desk.shop_id, StaffId(forge.desk.owner.credential.id)),
        "no audience": forge.token(without="aud"),
        "type JWT": forge.token(header={"typ": "JWT"}),
        "another type": forge.token(header={"typ": "rt+jwt"}),
        "another issuer": forge.token(iss="somebody"),
        "no issuer": forge.token(without="iss"),
        "another key": forge.token(key=b"k" * 32),
        "an empty key": _signed_by_hand(header, payload, b""),
        "the root key": forge.token(key=b"account-credit" * 3),
        "unknown key id": forge.token(header={"kid": "nobody"}),
        "empty key id": forge.token(header={"kid": ""}),
        "a path as key id": forge.token(header={"kid": "../../dev/null"}),
        "a number as key id": _signed_by_hand({**header, "kid": 1}, payload, key),
        "a list as key id": _signed_by_hand({**header, "kid": [key_id]}, payload, key),
        "expired": forge.token(exp=datetime.now(UTC) - timedelta(seconds=1)),
        "no expiry": forge.token(without="exp"),
        "expiry null": _signed_by_hand(header, {**payload, "exp": None}, key),
        "expiry text": _signed_by_hand(header, {**payload, "exp": "never"}, key),
        "expiry a list": _signed_by_hand(header, {**payload, "exp": [2**40]}, key),
        "expiry beyond all calendars": _signed_by_hand(header, {**payload, "exp": 10**30}, key),
        "not yet": forge.token(nbf=soon),
        "no subject": forge.token(without="sub"),
        "no shop": forge.token(without="shop"),
        "shop swapped, signature kept": _rewritten(good, payload={"shop": str(other.shop_id)}),
        "person swapped, signature kept": _rewritten(good, payload={"sub": str(other.owner.credential.id)}),
        "expiry moved, signature kept": _rewritten(good, payload={"exp": 2**33}),
        "person of another shop": forge.token(sub=str(other.owner.credential.id)),
        "at another shop": forge.token(shop=str(other.shop_id)),
        "at no shop": forge.token(shop=str(UUID(int=0))),
        "shop that is no id": forge.token(shop="' OR 1=1 --"),
        "person that is no id": forge.token(sub="*"),
        "shop a list": _signed_by_hand(header, {**payload, "shop": [payload["shop"]]}, key),
        "payload a list": _signed_by_hand(header, [payload], key),  # type: ignore[arg-type]  # that is the point
        "signature cut off": good.rpartition(".")[0] + ".",
        "signature cut short": good[:-4],
        "signature longer": good + "AAAA",
        "four parts": good + ".e30",
        "an encrypted one": f"{_part({'alg': 'dir', 'enc': 'A256GCM'})}..AAAA.AAAA.AAAA",
        "very long": good + "A" * 8000,
        "not ASCII": good[:-1] + "\u00e9",
        "with a space within": good.replace(".", " .", 1),
    }


async def test_a_token_that_is_not_exactly_ours_opens_nothing(door: Door, desk: Desk) -> None:
    forge = Forge(door, desk)
    forged = _forged(forge, await open_desk(door.container))
    answers = {}
    async with door.http(an_address()) as http:
        # What the forge makes without a fault is good, so a fault is why another is refused.
        assert (await Counter(http, forge.token()).get("/v1/me"))["shop"]["slug"] == desk.slug
        for fault, token in forged.items():
            answer = await http.get("/v1/me", headers=[(b"authorization", b"Bearer " + token.encode("latin-1"))])
            answers[fault] = without_request_id(answer)
    expected = answers["expired"]
    assert expected[0] == 401
    assert {fault: answer for fault, answer in answers.items() if answer != expected} == {}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["Basic {}"],
        ["{}"],
        ["Bearer"],
        ["Bearer "],
        ["Token {}"],
        ["Bearer {}", "Bearer {}"],
        ["Bearer {}, Bearer {}"],
    ],
    ids=str,
)
async def test_a_credential_comes_once_and_as_bearer(door: Door, desk: Desk, headers: list[str]) -> None:
    token = Forge(door, desk).token()
    sent = [(b"authorization", header.replace("{}", token).encode()) for header in headers]
    async with door.http(an_address()) as http:
        answer = await http.get("/v1/me", headers=sent)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert (await http.get("/v1/me", params={"access_token": token})).status_code == 401


async def test_an_old_key_still_opens_and_a_dropped_one_does_not(database: Database) -> None:
    first, second = (f"{name}:{base64.urlsafe_b64encode(name.encode() * 32).decode()}" for name in "ab")
    async with AsyncExitStack() as open_programs:
        doors = []
        for keys in (first, f"{second},{first}", second):
            container = container_for(database, secret_keys=keys)
            await open_programs.enter_async_context(running(container))
            doors.append(Door(container, staff_api_app(container), SetClock()))
        before, rotating, after = doors
        desk = await open_desk(before.container)
        old = (await before.sign_in(desk)).json()["access_token"]
        new = (await rotating.sign_in(desk)).json()["access_token"]
        for door, token, status in (
            (rotating, old, 200),
            (rotating, new, 200),
            (after, new, 200),
            (after, old, 401),
            (before, new, 401),
        ):
            async with door.http(an_address()) as http:
                assert (await Counter(http, token).request("GET", "/v1/me")).status_code == status
