"""What is written about the figures is true of what the private port says: the dashboard, the alarms, the tables."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from core.ids import ClientId
from entrypoints import metrics
from tests.database import Database
from tests.desk import PASSWORD, open_desk, program
from tests.entrypoints.figures import Figures, figures, serving, settings_of
from tests.entrypoints.processes import free_port, running, until

FOLDER = Path(__file__).parents[2]
_SELECTOR = re.compile(r"\b(account_credit_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
_OF_PROMETHEUS = {"job"}
"""Labels that Prometheus itself puts on."""


@pytest.fixture(scope="module")
async def told(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """What a server and a worker say after something of everything happened."""
    folder = tmp_path_factory.mktemp("told")
    async with database.fresh() as alone:
        settings = {**settings_of(alone), "ACCOUNT_CREDIT_WEBHOOKS_TO_PRIVATE_ADDRESSES": "true"}
        keys = settings["ACCOUNT_CREDIT_SECRET_KEYS"]
        async with program(alone, secret_keys=keys, webhooks_to_private_addresses=True) as container:
            desk = await open_desk(container)
            await desk.endpoint(f"http://127.0.0.1:{free_port()}/")  # where nobody listens
            pat = await desk.client("Pat")
            with serving(settings, folder) as (client, private):
                _ask(client, desk.slug, desk.owner_email, pat)
                until(lambda: ("account_credit_pool_connections", frozenset({("state", "most")})) in figures(private))
                of_server = figures(private)
            private = free_port()
            settings["ACCOUNT_CREDIT_METRICS_PORT"] = str(private)
            with running("worker", settings=settings, folder=folder):
                until(lambda: _has(private, "account_credit_deliveries_total"))
                until(lambda: _has(private, "account_credit_verify_shops"))
                return of_server | figures(private)


def _ask(client: httpx.Client, slug: str, email: str, pat: ClientId) -> None:
    signed_in = client.post("/v1/auth/sign-in", json={"shop": slug, "email": email, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    added = {"reason": "goodwill", "amount": 500, "note": "job ran late"}
    path = f"/v1/clients/{pat}/credit/entries"
    assert client.post(path, json=added, headers={**headers, "Idempotency-Key": uuid4().hex}).is_success
    assert client.post(path, json=added, headers=headers).is_client_error


def _has(private: int, name: str) -> bool:
    try:
        return any(each == name for each, _ in figures(private))
    except httpx.TransportError:
        return False


def _labels_of(told: Figures, name: str) -> set[str]:
    return {label for each, labels in told if each == name for label, _ in labels}


def _faults(query: str, told: Figures) -> list[str]:
    """What it asks for that nobody says."""
    found = []
    grouped = {label.strip() for by in re.findall(r"\bby \(([^)]*)\)", query) for label in by.split(",")}
    known = set()
    for name, matchers in _SELECTOR.findall(query):
        if not any(each == name for each, _ in told):
            found.append(name)
        labels = _labels_of(told, name)
        known |= labels
        for label, how, value in _MATCHER.findall(matchers):
            if label in _OF_PROMETHEUS:
                continue
            has = any(each == name and (label, value) in of for each, of in told)
            if label not in labels or (how == "=" and not has):
                found.append(f"{name}{{{label}{how}{value}}}")
    return found + sorted(grouped - known)


def _dashboard() -> list[Mapping[str, str]]:
    dashboard = json.loads((FOLDER / "deploy/grafana-dashboard.json").read_text())
    return [target for panel in dashboard["panels"] for target in panel.get("targets", [])]


def _alarms() -> list[str]:
    table = (FOLDER / "docs/observability.md").read_text().partition("Worth an alarm:")[2].partition("\n## ")[0]
    first = "\n".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| "))
    return [query for query in re.findall(r"`([^`]+)`", first) if "account_credit_" in query]


async def test_the_dashboard_asks_for_what_is_said(told: Figures) -> None:
    assert len(_dashboard()) > 10
    for target in _dashboard():
        assert not _faults(target["expr"], told), target["expr"]
        shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert shown <= {each for by in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for each in by.split(", ")}


async def test_the_alarms_ask_for_what_is_said(told: Figures) -> None:
    assert len(_alarms()) > 5
    for query in _alarms():
        assert not _faults(query, told), query


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("rate(account_credit_answers_total[5m])", "account_credit_answers_total"),
        ('account_credit_pool_connections{state="free"}', "account_credit_pool_connections{state=free}"),
        ('account_credit_entries_total{shop=~"a.*"}', "account_credit_entries_total{shop=~a.*}"),
        ("sum by (shop) (account_credit_entries_total)", "shop"),
    ],
)
async def test_what_nobody_says_is_found(query: str, fault: str, told: Figures) -> None:
    assert _faults(query, told) == [fault]


async def test_the_documentation_lists_the_labels_of_each_figure(told: Figures) -> None:
    text = (FOLDER / "docs/observability.md").read_text()
    for name, labels in re.findall(r"^\| `(account_credit_[a-z_]+)` \| ([^|]*) \|", text, re.M):
        listed = set(re.findall(r"`([a-z]+)`", labels))
        said = _labels_of(told, name) or _labels_of(told, f"{name}_count")
        assert listed == said, name


def test_the_dashboard_shows_each_figure_of_ours() -> None:
    asked = {name for target in _dashboard() for name, _ in _SELECTOR.findall(target["expr"])}
    ours = {name for name in metrics.names() if name.startswith("account_credit_")}
    plain = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    assert ours <= plain | asked, "each figure of ours is somewhere on the dashboard"
    dashboard = json.loads((FOLDER / "deploy/grafana-dashboard.json").read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_documentation_lists_each_figure_and_no_other() -> None:
    listed = set(re.findall(r"^\| `(account_credit_[a-z_]+)`", (FOLDER / "docs/observability.md").read_text(), re.M))
    assert listed == {name for name in metrics.names() if name.startswith("account_credit_")}


def test_the_documentation_lists_each_event_of_the_log_and_no_other() -> None:
    source = "\n".join(path.read_text() for path in (FOLDER / "src").rglob("*.py"))
    logged = set(re.findall(r'\b_log\.(?:info|warning|error|exception)\(\s*"([a-z_]+)"', source))
    text = (FOLDER / "docs/observability.md").read_text()
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", text.partition("## Log")[2], re.M))
    computed = {"sign_in_failed", "sign_in_throttled", "busy", "unavailable"}
    assert logged <= listed
    assert listed - logged <= computed
