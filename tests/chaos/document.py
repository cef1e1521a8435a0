"""The place in a document that a run fills with its tables."""

from pathlib import Path

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


def write_into(document: Path, table: str) -> None:
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or END not in rest:
        raise SystemExit(f"{document} has no place for it, between {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}")
