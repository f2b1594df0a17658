"""Mutations of the bytes of a file, and of the parts of a workbook."""

from __future__ import annotations

import io
import random
import zipfile

_HOSTILE = (
    *(b"\0", b'"', b'""', b"'", b",", b";", b"\t", b"\n", b"\r\n", b"\r", b"\x1a", b"\xff", b"\xfe\xff", b"\\"),
    *(b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\x8b", b"\xe2\x80\xae", b"\x1b[31m"),
    *(b"[red]", b"=1+1", b'="E01"', b"#REF!", b"N/A", b"-", b"null", b"NaN", b"inf", b"1e400", b"-1", b"0"),
    *(b"9" * 40, b"x" * 5000, b"31/02/1981", b"9999-12-31", b"0000-00-00", b"45000", b"&#193;", b"<a>", b"]]>"),
    *(b"%s%n", b"\xcc\x81" * 30),
)


def mutated_bytes(content: bytes, rng: random.Random, other: bytes = b"") -> tuple[str, bytes]:
    """(what was done, the content with it done once to four times); other: a file of which a part may be put in."""
    done = []
    for _ in range(rng.choice((1, 1, 2, 4))):
        what, content = _once(content, rng, other)
        done.append(what)
    return ", ".join(done), content


def _once(content: bytes, rng: random.Random, other: bytes) -> tuple[str, bytes]:
    place = rng.randrange(len(content) + 1)
    length = rng.choice((1, 2, 8, 100, 2000))
    match rng.randrange(9):
        case 0:
            flipped = bytearray(content)
            for _ in range(rng.choice((1, 1, 3, 30))):
                at = rng.randrange(max(1, len(flipped)))
                flipped[at : at + 1] = bytes([rng.randrange(256)])
            return f"bytes flipped near {place}", bytes(flipped)
        case 1:
            return f"{length} bytes lost at {place}", content[:place] + content[place + length :]
        case 2:
            return f"cut off at {place}", content[:place]
        case 3:
            return f"{length} bytes twice at {place}", content[: place + length] + content[place:]
        case 4 if other:
            at = rng.randrange(len(other))
            return f"a part of another file at {place}", content[:place] + other[at : at + length] + content[place:]
        case 5 | 6:
            lines = content.split(b"\n")
            a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[a], lines[b] = lines[b], lines[rng.choice((a, b))]
            return f"lines {a} and {b} exchanged, or one twice", b"\n".join(lines)
        case _:
            hostile = rng.choice(_HOSTILE)
            return f"{hostile!r:.30} at {place}", content[:place] + hostile + content[place + rng.choice((0, 0, 3)) :]


def mutated_workbook(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A workbook with one of its parts mutated, or gone, or twice."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = [(name, book.read(name)) for name in book.namelist()]
    number = rng.randrange(len(parts))
    name, part = parts[number]
    what, changed = mutated_bytes(part, rng)
    kind = rng.randrange(8)
    if kind == 0:
        del parts[number]
        what = "gone"
    elif kind == 1:
        parts.append((rng.choice(["../x", name.upper(), "xl/worksheets/sheet99.xml"]), changed))
        what = "beside it another part"
    else:
        parts[number] = name, changed
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as book:
        for each, of in parts:
            book.writestr(each, of)
    return f"{name}: {what}", found.getvalue()
