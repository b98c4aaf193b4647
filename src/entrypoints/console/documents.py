"""Documents as PDF, each typeset by a process of its own: bounded in time and memory, and with none of our secrets."""

import asyncio
import sys
from typing import Any

import msgspec
import structlog
from litestar import Response

from entrypoints.console.pages import HEADERS
from ports.transactions import Busy

AT_ONCE = 2
PATIENCE_SECONDS = 20.0
"""For the whole of it, waiting for one's turn included. The largest statement takes some 2 seconds."""

_log = structlog.get_logger(__name__)


class Documents:
    """``at_once``: how many are typeset at the same time; the others wait."""

    def __init__(self, *, at_once: int = AT_ONCE, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._patience_seconds = patience_seconds

    async def pdf(self, name: str, facts: Any) -> bytes:
        """``documents/<name>.typ`` with those facts.

        Raises:
            Busy: it takes too long.
        """
        try:
            async with asyncio.timeout(self._patience_seconds), self._turns:
                return await _typeset(name, msgspec.json.encode(facts))
        except TimeoutError:
            raise Busy from None


async def _typeset(name: str, data: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "entrypoints.console.typeset",
        name,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"RAYON_NUM_THREADS": "1"},
    )
    try:
        pdf, complaint = await process.communicate(data)
    finally:
        # Too late, or nobody waits for it any more.
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        _log.error("document_not_typeset", document=name, status=process.returncode, complaint=complaint[-2000:])
        raise RuntimeError(f"The document {name} was not typeset.")
    return pdf


def pdf_answer(pdf: bytes, filename: str) -> Response[bytes]:
    """A download. ``filename``: ASCII of our own making."""
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{filename}"'}
    return Response(pdf, media_type="application/pdf", headers=headers)
