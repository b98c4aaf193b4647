"""The program's log as it is written, line by line."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import structlog

from entrypoints.logging import configure_logging
from entrypoints.settings import LogFormat


@contextmanager
def written_log(log_format: LogFormat) -> Iterator[io.StringIO]:
    """What the program writes to its log within the block."""
    written = io.StringIO()
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with patch.object(sys, "stderr", written):
        configure_logging(log_format)
    structlog.configure(cache_logger_on_first_use=False)  # else the program's loggers would write here for good
    try:
        yield written
    finally:
        structlog.configure(**before)
        root.handlers[:] = handlers
        root.setLevel(level)
