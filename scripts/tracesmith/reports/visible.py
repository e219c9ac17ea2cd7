"""Show what a terminal or a browser would act on or hide, so that a text from outside is seen as it is."""

# Bidirectional overrides and isolates, zero-width characters and the byte order mark: they reorder or hide code.
INVISIBLE = (*range(0x200B, 0x2010), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF)
KEPT = "\n\t"
TABLE = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in KEPT}
TABLE |= {0x7F: "\N{SYMBOL FOR DELETE}"}
TABLE |= {code: f"\\u{code:04x}" for code in (*range(0x80, 0xA0), *INVISIBLE, *range(0xD800, 0xE000))}
LINE = {ord("\n"): "\N{SYMBOL FOR NEWLINE}", ord("\t"): "\N{SYMBOL FOR HORIZONTAL TABULATION}"}


def text(value: str) -> str:
    """Return a text whose control, invisible and lone surrogate characters have a sign; line ends and tabs stay."""
    return value.translate(TABLE)


def line(value: str) -> str:
    """Return a text as one line, with signs for line ends and tabs too."""
    return value.translate(TABLE | LINE)
