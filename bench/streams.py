"""What goes through whole ledgers: the export of one as CSV, and ``verify``."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from bench.filling import Connection, client_id, shop_id
from bench.installation import PATIENCE_SECONDS, Installation, Served
from bench.processes import resident_bytes
from bench.progress import Progress
from tests.long_ledger import write_ledger

MEGABYTE = 1024 * 1024
VERIFIED_SHOP, VERIFIED_CLIENT = 20_000, 8_000_000
"""A shop of its own, whose one ledger the program's own core has hashed."""


async def csv(served: Served, token: str, number: int) -> dict[str, Any]:
    """Export a client's whole ledger, once to warm up as far as its beginning, and once to be measured."""
    address = f"/v1/clients/{client_id(number)}/credit/entries.csv"
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=served.url, headers=headers, timeout=PATIENCE_SECONDS) as http:
        for _ in range(3 * len(served.workers())):
            async with http.stream("GET", address) as answer:
                answer.raise_for_status()
                await anext(answer.aiter_bytes())
        before = {pid: resident_bytes(pid) for pid in served.workers()}
        most, lines, size = 0, 0, 0
        first_byte = None
        began = time.perf_counter()
        async with http.stream("GET", address) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                first_byte = first_byte or time.perf_counter() - began
                lines += part.count(b"\n")
                size += len(part)
                most = max(most, *(resident_bytes(pid) - resident for pid, resident in before.items()))
        seconds = time.perf_counter() - began
    return {
        "entries": lines - 1,
        "megabytes": size / MEGABYTE,
        "seconds": seconds,
        "first_byte_ms": (first_byte or 0) * 1000,
        "memory_growth_mb": most / MEGABYTE,
    }


async def fill_verified(installation: Installation, connection: Connection, entries: int) -> None:
    """A ledger whose every hash, notice and kept answer is right."""
    await installation.fill_shops(VERIFIED_SHOP, VERIFIED_SHOP + 1)
    shop, client = UUID(shop_id(VERIFIED_SHOP)), UUID(client_id(VERIFIED_CLIENT))
    await connection.execute(
        "INSERT INTO clients (shop_id, id, name, created_at) VALUES ($1, $2, 'Client', now())", shop, client
    )
    await connection.execute(
        "INSERT INTO credit_accounts (shop_id, client_id, balance, last_number) VALUES ($1, $2, 0, 0)", shop, client
    )
    await write_ledger(connection, shop, client, entries)


async def verify(installation: Installation, *, rounds: int, progress: Progress) -> dict[str, Any]:
    """Entries a second, less what the command takes for a shop that has none."""
    empty: list[float] = []
    full: list[float] = []
    report: dict[str, Any] = {}
    for _ in range(rounds):
        seconds, _ = await asyncio.to_thread(_verified, installation, VERIFIED_SHOP + 1)
        empty.append(seconds)
        seconds, report = await asyncio.to_thread(_verified, installation, VERIFIED_SHOP)
        full.append(seconds)
        progress.step()
    entries = sum(shop["entries"] for shop in report["shops"])
    seconds = min(full) - min(empty)
    return {"entries": entries, "seconds": seconds, "start_seconds": min(empty), "per_second": entries / seconds}


def _verified(installation: Installation, shop: int) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    done = subprocess.run(  # our own program
        [sys.executable, "-m", "entrypoints.cli", "verify", "--shop", f"shop-{shop}", "--json"],
        env=dict(installation.settings),
        cwd=Path(installation.folder),
        capture_output=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"verify failed: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")
    return seconds, json.loads(done.stdout)
