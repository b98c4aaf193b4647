"""What processes take, as Linux accounts for it: unlike a clock, that hardly depends on who else is busy."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_STAT_AFTER_NAME = {"parent": 1, "user": 11, "system": 12, "children_user": 13, "children_system": 14}


@dataclass(frozen=True)
class _Stat:
    parent: int
    own: float
    ended_children: float


def _stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in parentheses and may hold blanks.
    fields = text.rpartition(")")[2].split()
    ticks = {name: int(fields[place]) for name, place in _STAT_AFTER_NAME.items()}
    return _Stat(
        parent=ticks["parent"],
        own=(ticks["user"] + ticks["system"]) / _TICKS,
        ended_children=(ticks["children_user"] + ticks["children_system"]) / _TICKS,
    )


def tree(root: int) -> list[int]:
    """That process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) is not None:
            children.setdefault(stat.parent, []).append(int(entry.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(children.get(pid, ()))
    return found


def cpu_seconds(root: int) -> float:
    """Of that process, all below it, and those of its children that have ended."""
    stats = [stat for pid in tree(root) if (stat := _stat(pid)) is not None]
    return sum(stat.own + stat.ended_children for stat in stats)


def resident_bytes(pid: int) -> int:
    """What of it is in memory, with all of the interpreter and libraries that it shares with others."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024
