"""Everybody at once at one client's credit."""

from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from bench import wrk
from bench.filling import client_id, shop_id
from bench.installation import Installation, Served
from bench.progress import Progress

CONNECTIONS = 64
_NUMBER = 0
POOR_CLIENT, POOR_HAS = 8_500_000, 100
"""A client who has that many cents, and of whom more is asked; both are of shop 0."""

_SOUND = """
SELECT account.balance >= 0 AND account.balance = sum(entry.amount) AND count(*) = account.last_number
  AND bool_and(entry.balance_after >= 0)
  FROM credit_accounts account JOIN ledger_entries entry USING (shop_id, client_id)
  WHERE shop_id = $1 AND client_id = $2 GROUP BY account.balance, account.last_number
"""
_SPENT = "SELECT -sum(amount)::bigint FROM ledger_entries WHERE shop_id = $1 AND client_id = $2 AND kind = 'applied'"


async def hot(
    installation: Installation,
    served: Served,
    tokens: Path,
    *,
    clients: int,
    rounds: int,
    seconds: int,
    progress: Progress,
) -> dict[str, Any]:
    """Apply credit of one client, and of all in turn, by as many connections."""
    one: list[wrk.Answered] = []
    all_: list[wrk.Answered] = []
    for _ in range(rounds):
        for only, answers in ((None, all_), (_NUMBER, one)):
            answered = await wrk.run(
                served.url, "apply", tokens, clients=clients, seconds=seconds, connections=CONNECTIONS, only=only
            )
            answers.append(answered)
            progress.step()
    poor = await wrk.run(
        served.url, "apply", tokens, clients=clients, seconds=seconds, connections=CONNECTIONS, only=POOR_CLIENT
    )
    async with installation.superuser() as superuser:
        shop = UUID(shop_id(0))
        sound = [await superuser.fetchval(_SOUND, shop, UUID(client_id(number))) for number in (_NUMBER, POOR_CLIENT)]
        spent = await superuser.fetchval(_SPENT, shop, UUID(client_id(POOR_CLIENT)))
    return {
        "per_second": median(each.per_second for each in one),
        "spread_per_second": median(each.per_second for each in all_),
        "of_spread": median(a.per_second / b.per_second for a, b in zip(one, all_, strict=True)),
        "refused": sum(each.refused for each in (*one, *all_)),
        # Who asks of a client with too little credit is refused, but gets an answer.
        "broken": sum(each.broken for each in (*one, *all_, poor)),
        "p50_ms": median(each.p50 for each in one),
        "p99_ms": median(each.p99 for each in one),
        "p99_to_p50": median(each.p99 / each.p50 for each in one),
        "sound": all(sound),
        "poor_has": POOR_HAS,
        "poor_asked": poor.requests,
        "poor_spent": spent,
    }
