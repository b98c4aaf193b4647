"""Signals while a program starts."""

import signal

import pytest

from adapters.embedded_postgres.signals import signals_held_back
from entrypoints.stopping import interrupted_by_signals

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


class _Destroyed:
    """Python drops what a signal raises here."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


@SIGNALS
def test_a_signal_interrupts(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
        signal.raise_signal(number)


@SIGNALS
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_while_an_object_is_destroyed_interrupts_at_the_next_step(number: signal.Signals) -> None:
    with interrupted_by_signals() as check:
        check()
        _Destroyed(number)
        with pytest.raises(KeyboardInterrupt):
            check()


@SIGNALS
def test_a_signal_that_was_ignored_interrupts_and_is_ignored_again(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt), interrupted_by_signals():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@SIGNALS
def test_a_signal_is_held_back_while_a_program_is_started(number: signal.Signals) -> None:
    started = []

    def start() -> None:
        with signals_held_back():
            signal.raise_signal(number)
            started.append("known to who would have to stop it")

    with interrupted_by_signals(), pytest.raises(KeyboardInterrupt):
        start()
    assert started
