"""Where webhooks may go, however it is spelled: to the open Internet, never into the operator's network."""

import asyncio
import socket
import time
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from adapters.notifiers import receiver_addresses
from adapters.notifiers.receiver_addresses import (
    AddressRefused,
    CheckedResolver,
    ReceiverAddresses,
    checked_socket,
    is_public,
    system_lookup,
)
from core.errors import InvalidField

PUBLIC = "93.184.215.14"
NOT_PUBLIC = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255"),  # noqa: S104  # not bound to
    *("127.0.0.1", "127.0.0.53", "127.255.255.255", "168.63.129.16", "169.254.0.1", "169.254.169.254"),
    *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1"),
    *("192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::2", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8"),
    *("::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.1.2.3", "64:ff9b::169.254.169.254"),
    *("64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1", "2001:20::1", "2001:db8::1"),
    *("2002:7f00:1::1", "2002:a00:1::1", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254"),
    *("fdff::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1"),
]
ON_THE_INTERNET = [
    *("1.1.1.1", "8.8.8.8", PUBLIC, "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"),
    *("223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::8.8.8.8"),
]


def resolving(*answers: Sequence[str] | OSError, **more: bool) -> ReceiverAddresses:
    """Addresses where each lookup gets the next answer, the last one again and again."""
    left = list(answers)

    async def lookup(_name: str) -> Sequence[str]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    return ReceiverAddresses(private_allowed=False, lookup=lookup, **more)  # type: ignore[arg-type]  # there is no more


async def refusal(addresses: ReceiverAddresses, url: str) -> str | None:
    """Why the URL may not be saved, or None."""
    try:
        await addresses.check(url)
    except InvalidField as refused:
        return f"{refused.field} {refused.message}".removeprefix("url ")
    return None


INSIDE = "must not lead to an address that is not on the open Internet"


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_an_address_inside_is_refused_written_or_resolved(address: str) -> None:
    assert not is_public(ip_address(address))
    written = f"[{address}]" if ":" in address else address
    assert await refusal(resolving([PUBLIC]), f"https://{written.replace('%', '%25')}/hook")
    assert await refusal(resolving([address]), "https://hooks.example.com/") == INSIDE
    with pytest.raises(AddressRefused):
        await CheckedResolver(resolving([address])).resolve("hooks.example.com", 443)
    with pytest.raises(AddressRefused):
        checked_socket(resolving([PUBLIC]))((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 443)))


@pytest.mark.parametrize("address", ON_THE_INTERNET)
async def test_an_address_of_the_internet_is_fine_written_or_resolved(address: str) -> None:
    assert is_public(ip_address(address))
    written = f"[{address}]" if ":" in address else address
    assert await refusal(resolving(["10.0.0.1"]), f"https://{written}:8443/hook?x=y") is None
    assert await refusal(resolving([address]), "https://hooks.example.com/") is None
    [found] = await CheckedResolver(resolving([address])).resolve("hooks.example.com", 443)
    assert (found["host"], found["port"], found["hostname"]) == (address, 443, "hooks.example.com")


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "017700000001", "0x7f000001", "0x7F000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "0177.1"),
        *("127.1", "127.0.1", "127.0.0.1.", "127.0.0.01", "127.0.0.1.5", "10.1", "0", "0.0", "3232235521", "1.1.1"),
        *("0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "2852039166", "0251.0376.0251.0376", "8.8.8.8.", "256.1.1.1", "0x"),
        *(
            "127.0.0.1%00.example.com",
            "%31%32%37.0.0.1",
            "127\u30020\u30020\u30021",
            "\uff11\uff12\uff17.0.0.1",
            "\u24dbocalhost",
            "a..b",
            ".a",
        ),
        *("[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::1", "::1", "[v1.x]", "[::1]x", "a b", "a\\b", "-a.b"),
        *("user@example.com", "user:secret@example.com", "@example.com", "127.0.0.1@example.com", "a" * 64 + ".com"),
        *(".".join(["abcdefg"] * 40), "example.com:0", "example.com:65536", "example.com:http", "", ":443"),
        *("exa\tmple.com", "example.com\n", "example.com\r\nX-Y: z", "example.com\x00", "\u202eexample.com"),
    ],
)
async def test_no_other_spelling_gets_past(host: str) -> None:
    message = await refusal(resolving([PUBLIC]), f"https://{host}/hook")
    assert message is not None
    assert message.startswith("must ")
    with pytest.raises(AddressRefused):
        resolving([PUBLIC]).parsed(f"https://{host}/hook")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://example.com/", "must begin with https://"),
        ("ftp://example.com/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("gopher://example.com/", "must begin with https://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("//example.com/", "must begin with https://"),
        ("example.com/hook", "must begin with https://"),
        ("https:example.com", "must name its host by name or as a plain IP address"),
        ("https://example.com/#x", "must not have a fragment"),
        ("https://user@example.com/", "must not have a user name or password"),
        ("https://example.com/a b", "must have only visible ASCII characters, at most 500"),
        ("https://example.com/" + "a" * 500, "must have only visible ASCII characters, at most 500"),
        ("https://10.0.0.1/", INSIDE),
        ("https://0x7f.1/", "must spell an IP address as four numbers with dots, or in IPv6"),
    ],
)
async def test_what_is_wrong_with_a_url_is_said(url: str, message: str) -> None:
    assert await refusal(resolving([PUBLIC]), url) == message


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.com", "https://EXAMPLE.com:8443/a/b?c=d&e=%20", "https://example.com./"),
        *("https://xn--bcher-kva.example/", "https://a_b.example.com/?at=@", "https://1password.com/", "https://a.b1/"),
        "https://[2606:4700::1111]:444/",
    ],
)
async def test_a_good_url_is_fine(url: str) -> None:
    assert await refusal(resolving([PUBLIC]), url) is None


@pytest.mark.parametrize(
    "answer", [[PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"], [PUBLIC] * 9 + ["0.0.0.1"]]
)
async def test_a_name_with_a_good_and_a_bad_address_is_refused(answer: list[str]) -> None:
    assert await refusal(resolving(answer), "https://hooks.example.com/") == INSIDE
    with pytest.raises(AddressRefused):
        await CheckedResolver(resolving(answer)).resolve("hooks.example.com", 443)


@pytest.mark.parametrize("trouble", [socket.gaierror(socket.EAI_NONAME, "unknown"), TimeoutError(), OSError("down")])
async def test_a_name_that_does_not_resolve_yet_can_be_saved_but_not_sent_to(trouble: OSError) -> None:
    assert await refusal(resolving(trouble), "https://hooks.example.com/") is None
    with pytest.raises(OSError, check=lambda error: error is trouble):
        await CheckedResolver(resolving(trouble)).resolve("hooks.example.com", 443)


async def test_a_lookup_that_takes_long_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver_addresses, "LOOKUP_SECONDS", 0.05)

    async def never(_name: str) -> Sequence[str]:
        await asyncio.sleep(60)
        return [PUBLIC]

    began = time.monotonic()
    assert await refusal(ReceiverAddresses(private_allowed=False, lookup=never), "https://hooks.example.com/") is None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1"])
async def test_as_the_machine_itself_resolves_it(name: str) -> None:
    """The old spellings reach the machine's own lookup only past :meth:`parsed`, and are judged there once more."""
    assert set(await system_lookup(name)) <= {"127.0.0.1", "::1"}
    with pytest.raises(AddressRefused):
        await CheckedResolver(ReceiverAddresses(private_allowed=False)).resolve(name, 443)


async def test_for_development_everything_may_be_sent_to_but_nonsense() -> None:
    addresses = ReceiverAddresses(private_allowed=True)
    for url in ("http://127.0.0.1:9000/hook", "http://localhost/", "https://[::1]/", "http://10.0.0.1/"):
        assert await refusal(addresses, url) is None
    for url in ("ftp://localhost/", "http://user@localhost/", "http://127.1/", "http://localhost:0/"):
        assert await refusal(addresses, url)
