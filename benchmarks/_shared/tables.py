"""Tables of reStructuredText, as the pages of the documentation have them."""


def simple_table(rows, header):
    """Return rows of cells as a table of reStructuredText."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)

    def line(cells):
        first, *others = zip(cells, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return "  ".join(aligned).rstrip()

    return "\n".join([rule, line(header), rule, *map(line, rows), rule])


def show(tables):
    """Print tables, given by name."""
    for name, table in tables.items():
        print(f"{name}\n\n{table}\n")
