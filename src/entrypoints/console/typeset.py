"""Typeset one document: JSON from the standard input into ``documents/<name>.typ``, the PDF to the standard output.

A program of its own, see ``documents.py``: typst keeps much of what it made, and nothing but the end of a process gives
that back or stops it.
"""

import resource
import sys
from pathlib import Path

import typst

DOCUMENTS = Path(__file__).parent / "documents"
MAX_MEMORY_BYTES = 3 * 1024**3
"""Of address space: several times what the largest statement takes."""
MAX_SECONDS = 30
"""Of a processor."""


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    # As an input it is data: no text in it is ever read as markup.
    inputs = {"data": sys.stdin.buffer.read().decode()}
    # Fonts of the system only stand in for letters that typst's own fonts lack.
    fonts = typst.Fonts(include_system_fonts=True, include_embedded_fonts=True)
    source = DOCUMENTS / f"{sys.argv[1]}.typ"
    pdf = typst.compile(source, root=DOCUMENTS, font_paths=fonts, sys_inputs=inputs, format="pdf")
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
